// The agent's log: records in their order with the places of rules, whether or not anybody can say them.
import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type CallRecord, readChain, verifyChain } from '@xebec/journal-file';
import type { Diagnostic } from '@xebec/std';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type AuditedProxy, createAuditWriter } from './audit-writer.ts';

let root = '';
let directory = '';
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'audit-writer-'));
  directory = join(root, 'audit');
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const call = (path: string): CallRecord => ({
  kind: 'call',
  time: '2030-01-01T00:00:00.000Z',
  workload: 'default/echo',
  pod: 'default/echo-1',
  operation: { protocol: 'http', path },
  decision: 'denied',
  by: { policy: 'AuthorizationPolicy/default/a', rule: 0 },
});

const echo: AuditedProxy = {
  pod: 'default/echo-1',
  identity: () => {
    throw new Error('nobody signs here');
  },
  dropped: () => Promise.resolve(0),
};

const records = () => {
  const chain = readChain(directory);
  expect(verifyChain(chain).problems).toEqual([]);
  return chain.lines.flatMap(({ record }) => (typeof record === 'object' ? [record.fields] : []));
};

test('rules have their places, asked for once', async () => {
  const asked: string[] = [];
  const writer = createAuditWriter({
    directory,
    clock: () => 0,
    locate: (cause) => Promise.resolve(asked.push(cause) > 0 ? 'policies.yaml:3:1' : undefined),
    onTrouble: () => undefined,
  });
  const proxy = writer.addProxy(echo);
  proxy.append([call('/1'), call('/2')]);
  proxy.append([call('/3')]);
  await writer.close();
  expect(asked).toEqual(['AuthorizationPolicy/default/a#spec.rules[0]']);
  expect(records().slice(1)).toMatchObject(
    ['/1', '/2', '/3'].map((path) => ({ operation: { path }, by: { rule: 0, origin: 'policies.yaml:3:1' } })),
  );
});

test('nobody waits for a control plane that says nothing', async () => {
  const writer = createAuditWriter({
    directory,
    clock: () => 0,
    locate: () => new Promise(() => undefined),
    onTrouble: () => undefined,
  });
  const proxy = writer.addProxy(echo);
  proxy.append([call('/1')]);
  await writer.close();
  expect(records()[1]).toMatchObject({ by: { policy: 'AuthorizationPolicy/default/a', rule: 0 } });
});

test('a log that cannot be opened is opened later', async () => {
  writeFileSync(directory, 'a file where the directory should be');
  const told: (Diagnostic | undefined)[] = [];
  let nowMs = 0;
  const writer = createAuditWriter({
    directory,
    clock: () => nowMs,
    locate: () => Promise.resolve(undefined),
    onTrouble: (problem) => told.push(problem),
  });
  const proxy = writer.addProxy(echo);
  proxy.append([call('/1')]);
  await new Promise((resolve) => setImmediate(resolve));
  expect(told).toHaveLength(1);
  rmSync(directory);
  nowMs = 2_000;
  proxy.append([call('/2')]);
  await writer.close();
  expect(records().slice(1)).toMatchObject([{ operation: { path: '/1' } }, { operation: { path: '/2' } }]);
});

test('what a proxy could not send is a record, too', async () => {
  let dropped = 3;
  const writer = createAuditWriter({
    directory,
    clock: () => 0,
    locate: () => Promise.resolve(undefined),
    onTrouble: () => undefined,
  });
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const privateKeyPem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  const signer = { signer: 'spiffe://cluster.local/ns/default/sa/echo', certificatesPem: '', privateKeyPem };
  const proxy = writer.addProxy({ ...echo, identity: () => signer, dropped: () => Promise.resolve(dropped) });
  proxy.append([call('/1')]);
  await writer.checkpoint();
  dropped = 2;
  await writer.checkpoint();
  await writer.checkpoint();
  await writer.close();
  const lost = readChain(directory).lines.flatMap(({ record }) =>
    typeof record === 'object' && record.kind === 'lost' ? [record.fields['count']] : [],
  );
  expect(lost).toEqual([3, 2]);
});
