// Places of files and sockets: private, short enough, reachable by the proxy's user, and found by others.
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { beforeEach, expect, onTestFinished, test } from 'vitest';
import { executableForOthers } from '../envoy/executable-for.ts';
import { unwrap } from '../testing/fake-control-plane.ts';
import {
  makeWorkloadFiles,
  removeLeftOverFiles,
  removeWorkloadFiles,
  workloadSockets,
  writeBootstrap,
} from './workload-files.ts';

let state: string;
beforeEach(() => {
  state = mkdtempSync(path.join(tmpdir(), 'xebec-files-'));
  onTestFinished(() => {
    removeLeftOverFiles(state);
    rmSync(state, { recursive: true, force: true });
  });
});

const mode = (file: string): number => statSync(file).mode & 0o777;

test('a Pod has a private directory, emptied at its start and removed at its end', () => {
  const files = unwrap(makeWorkloadFiles(state, 'a', undefined));
  expect(files.admin).toBe(path.join(state, 'run', 'a', 'admin.sock'));
  expect(workloadSockets(state, 'a')).toEqual({ admin: files.admin, xds: files.xds, agent: files.agent });
  writeBootstrap(files, '{}', undefined);
  expect([mode(files.directory), mode(files.bootstrap), mode(files.logs)]).toEqual([0o700, 0o600, 0o700]);
  unwrap(makeWorkloadFiles(state, 'a', undefined));
  expect(existsSync(files.bootstrap)).toBe(false);
  removeWorkloadFiles(files);
  expect(readdirSync(path.join(state, 'run'))).toEqual([]);
});

test('where the path is too long, or closed to the proxy, the files are elsewhere and found through a link', () => {
  const long = path.join(state, 'x'.repeat(60), 'y'.repeat(60));
  const files = unwrap(makeWorkloadFiles(long, 'a', undefined));
  onTestFinished(() => removeLeftOverFiles(long));
  expect(Buffer.byteLength(files.admin)).toBeLessThanOrEqual(100);
  expect(workloadSockets(long, 'a').admin).toBe(files.admin);
  expect(mode(path.dirname(files.directory))).toBe(0o711);
  expect(mode(files.directory)).toBe(0o700);
  removeWorkloadFiles(files);
  expect(existsSync(files.directory)).toBe(false);
  expect(readdirSync(path.join(long, 'run'))).toEqual([]);
  const owner = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
  const closed = unwrap(makeWorkloadFiles(state, 'b', owner));
  expect(closed.directory.startsWith(state)).toBe(false);
  expect(workloadSockets(state, 'b').xds).toBe(closed.xds);
});

test('a recorded directory for sockets is used', () => {
  const recorded = mkdtempSync(path.join(tmpdir(), 'xebec-sockets-'));
  onTestFinished(() => rmSync(recorded, { recursive: true, force: true }));
  mkdirSync(path.join(state, 'run'));
  writeFileSync(path.join(state, 'run', 'sockets'), `${recorded}\n`);
  expect(unwrap(makeWorkloadFiles(state, 'a', undefined)).admin).toBe(path.join(recorded, 'a', 'admin.sock'));
});

test('what a killed agent left is removed, and nothing else', () => {
  writeBootstrap(unwrap(makeWorkloadFiles(state, 'a', undefined)), '{}', undefined);
  const run = path.join(state, 'run');
  writeFileSync(path.join(run, 'control.sock'), '');
  mkdirSync(path.join(run, 'of-others'));
  removeLeftOverFiles(state);
  expect(readdirSync(run).toSorted()).toEqual(['control.sock', 'of-others']);
});

test('an Envoy that others cannot reach is put where they can', () => {
  const own = path.join(state, 'envoy');
  writeFileSync(own, 'program', { mode: 0o755 });
  const reachable = unwrap(executableForOthers(own, state));
  expect(reachable).not.toBe(own);
  expect(mode(reachable)).toBe(0o755);
  expect(executableForOthers('/bin/sh', state)).toMatchObject({ value: '/bin/sh' });
  expect(executableForOthers(path.join(state, 'missing'), state)).toMatchObject({
    ok: false,
    diagnostics: [{ code: 'envoy-not-runnable' }],
  });
});
