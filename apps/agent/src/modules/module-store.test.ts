// The store of modules: one attempt for all, slower after failures, kept by content across restarts, and nothing for those without credentials.
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createManualTimers, type ManualTimers } from '../testing/manual-timers.ts';
import { sumOf } from './image.ts';
import { type Fetched, gone, type ModuleRequest, unreachable } from './module-request.ts';
import { createModuleStore, type ModuleStore } from './module-store.ts';

const request: ModuleRequest = {
  url: 'oci://registry.example/a:v1',
  sha256: undefined,
  pullPolicy: 'IfNotPresent',
  objectVersion: '1',
  pullSecret: undefined,
};

let directory: string;
let timers: ManualTimers;
let asked: ModuleRequest[];
let answer: Fetched;
const moduleOf = (text: string): Fetched => {
  const bytes = Buffer.from(text);
  return { kind: 'fetched', bytes, sums: [sumOf(bytes), 'a'.repeat(64)] };
};
const open = (limitBytes?: number): ModuleStore =>
  createModuleStore({
    directory,
    timers,
    random: () => 1,
    ...(limitBytes === undefined ? {} : { limitBytes }),
    fetch: (each) => {
      asked.push(each);
      return Promise.resolve(answer);
    },
  });

beforeEach(() => {
  directory = mkdtempSync(path.join(tmpdir(), 'xebec-store-'));
  timers = createManualTimers();
  asked = [];
  answer = moduleOf('one');
});
afterEach(() => rmSync(directory, { recursive: true }));

it('asks once, however many want it, and not again after a restart', async () => {
  const store = open();
  const found = await Promise.all([store.get(request), store.get(request), store.get(request)]);
  expect(found).toEqual(
    Array(3).fill({ kind: 'found', digest: sumOf(Buffer.from('one')), file: expect.any(String) }),
  );
  await store.get({ ...request, objectVersion: '2' });
  await open().get({ ...request, sha256: 'a'.repeat(64) });
  expect(asked).toHaveLength(1);
});

it('asks again when the object is to be fetched always, has another sum, or is a file', async () => {
  const store = open();
  await store.get(request);
  for (const changed of [
    { pullPolicy: 'Always' as const },
    { pullPolicy: 'Always' as const, objectVersion: '2' },
    { sha256: 'b'.repeat(64) },
    { url: 'file:///a.wasm' },
    { url: 'file:///a.wasm' },
  ]) {
    await store.get({ ...request, ...changed });
  }
  expect(asked).toHaveLength(6);
});

it('gives nobody what only others were allowed to fetch', async () => {
  const store = open();
  await store.get({ ...request, pullSecret: 'mine' });
  answer = gone('the registry answers 401');
  expect(await store.get(request)).toMatchObject({ kind: 'failed', isFinal: true });
  expect(await store.get({ ...request, pullSecret: 'yours' })).toMatchObject({ kind: 'failed' });
});

it('does not trust a file that is not what its name says', async () => {
  const store = open();
  const found = await store.get(request);
  writeFileSync(found.kind === 'found' ? found.file : '', 'another');
  expect(await store.get({ ...request, objectVersion: '2' })).toEqual(found);
  expect(asked).toHaveLength(2);
  writeFileSync(path.join(directory, 'sources.json'), '{"x": {"module": "../../etc"}, "y": 1');
  expect(await open().get(request)).toEqual(found);
});

it('waits longer after every failure, and starts anew for a changed object', async () => {
  const store = open();
  answer = unreachable('no answer');
  for (const retryAtMs of [1_000, 3_000, 7_000]) {
    expect(await store.get(request)).toMatchObject({ kind: 'failed', reason: 'no answer', retryAtMs });
    expect(await store.get(request)).toMatchObject({ retryAtMs });
    await timers.advance(retryAtMs - timers.nowMs());
  }
  expect(asked).toHaveLength(3);
  expect(await store.get({ ...request, objectVersion: '2' })).toMatchObject({ retryAtMs: 8_000 });
  answer = moduleOf('one');
  expect(await store.get(request)).toMatchObject({ kind: 'found' });
});

it('lets go of what was used longest ago', async () => {
  const store = open(8);
  for (const text of ['first', 'second', 'third']) {
    answer = moduleOf(text);
    await store.get({ ...request, url: `oci://registry.example/${text}:v1` });
    // Times of use are in milliseconds.
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  expect(readdirSync(directory).filter((name) => name.endsWith('.wasm'))).toEqual([
    `${sumOf(Buffer.from('third'))}.wasm`,
  ]);
});
