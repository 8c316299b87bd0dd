// Which of many resources an Envoy refuses, told by halving; a check that never ends refuses; without an Envoy nothing is said.
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { create } from '@bufbuild/protobuf';
import { typeUrls } from '@xebec/envoy';
import { encode } from '@xebec/protos';
import { ClusterSchema } from '@xebec/protos/envoy/config/cluster/v3/cluster_pb';
import { afterAll, expect, test } from 'vitest';
import { createEnvoyCheck, wordsOf } from './envoy-check.ts';

const directory = mkdtempSync(join(tmpdir(), 'xb-check-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** Refuses what says BAD, and does not end for what says HANG. */
function fakeEnvoy(): string {
  const path = join(directory, 'envoy');
  const script = `#!/bin/sh
echo run >> ${join(directory, 'runs')}
if /bin/grep -q HANG "$4"; then exec /bin/sleep 60; fi
if /bin/grep -q BAD "$4"; then echo "error initializing configuration '$4': it is BAD" >&2; exit 1; fi
`;
  writeFileSync(path, script);
  chmodSync(path, 0o700);
  return path;
}

const cluster = (label: string, altStatName = 'fine') => ({
  typeUrl: typeUrls.cluster,
  label,
  bytes: encode(ClusterSchema, create(ClusterSchema, { name: label, altStatName })),
});

test('only the bad ones are refused, in Envoy’s words', async () => {
  const path = fakeEnvoy();
  const check = createEnvoyCheck({ locate: () => Promise.resolve(path) });
  const labels = Array.from({ length: 40 }, (_, number) => `c${number}`);
  const bad = new Set(['c7', 'c31']);
  const verdicts = await check.check(labels.map((label) => cluster(label, bad.has(label) ? 'BAD' : 'fine')));
  const refused = [...verdicts].filter(([, { kind }]) => kind !== 'good');
  expect(new Map(refused)).toEqual(
    new Map([...bad].map((label) => [label, { kind: 'refused', message: 'it is BAD' }])),
  );
  expect(verdicts.size).toBe(40);
  expect(check.isAvailable()).toBe(true);
});

test('a check that does not end is no approval, and the others are told apart', async () => {
  const path = fakeEnvoy();
  const check = createEnvoyCheck({ locate: () => Promise.resolve(path), timeoutMs: 500 });
  const verdicts = await check.check([cluster('good'), cluster('endless', 'HANG')]);
  expect(verdicts.get('good')?.kind).toBe('good');
  expect(verdicts.get('endless')).toEqual({ kind: 'unknown', reason: 'Envoy took too long to check it' });
});

test('bytes that are no message of their type are refused without asking', async () => {
  const check = createEnvoyCheck({ locate: () => Promise.resolve(fakeEnvoy()) });
  const verdicts = await check.check([{ ...cluster('broken'), bytes: Uint8Array.of(0x0a, 200) }]);
  expect(verdicts.get('broken')?.kind).toBe('refused');
});

test('without an Envoy nothing is said', async () => {
  const check = createEnvoyCheck({ locate: () => Promise.resolve(undefined) });
  expect(check.isAvailable()).toBe(undefined);
  expect((await check.check([cluster('a')])).get('a')).toEqual({ kind: 'unchecked' });
  expect(await check.checkBootstrap(new Uint8Array())).toEqual({ kind: 'unchecked' });
  expect([await check.locate(), check.isAvailable()]).toEqual([false, false]);
});

test('of what Envoy logs only the reason is kept', () => {
  const reason = 'Proto constraint validation failed (ClusterValidationError.Name: value length)';
  expect(wordsOf(`[critical] error initializing configuration '/x.pb': ${reason}: name: ""\nmore {}`)).toBe(
    reason,
  );
  expect(wordsOf("error initializing configuration 'x': goo.gle/debugstr must be last\n")).toBe(
    'must be last',
  );
});
