// Keys that are fetched: what was good once stays, what is bad never comes in, and nothing is asked for that nobody needs.
import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createGraph } from '@xebec/flow';
import type { KeyRequest } from '@xebec/mesh';
import type { KeySource } from '@xebec/model';
import { expect, onTestFinished, test } from 'vitest';
import type { Fetched } from '../outbound/guarded-fetch.ts';
import { createKeyFetcher, type KeyProblem } from './key-fetcher.ts';
import { type KeyStore, openKeyStore } from './key-store.ts';

function keySet(kid: string): string {
  const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return JSON.stringify({ keys: [{ ...publicKey.export({ format: 'jwk' }), kid }] });
}

const source: KeySource = 'uri https://a.example/keys';
const request: KeyRequest = { timeoutMs: 1_000, objects: ['RequestAuthentication/default/a'] };
const nothing = (): KeyStore => openKeyStore(undefined, () => undefined);

function start(answer: (url: string) => Fetched, store = nothing(), from = source) {
  const graph = createGraph();
  const requests = graph.source<KeySource, KeyRequest>('requests');
  const keySets = graph.source<KeySource, string>('keySets');
  const problems: KeyProblem[] = [];
  const asked: string[] = [];
  graph.transact(() => requests.set(from, request));
  const fetcher = createKeyFetcher({
    graph,
    requests,
    keySets,
    store,
    clock: () => 1_000,
    random: () => 0,
    refreshMs: 5,
    retryMs: 5,
    fetchText: async (url) => {
      asked.push(url);
      return answer(url);
    },
    onProblem: (problem) => problems.push(problem),
  });
  onTestFinished(() => fetcher[Symbol.dispose]());
  return { graph, requests, keySets, problems, asked, fetcher };
}

const text = (written: string): Fetched => ({ kind: 'text', text: written });
const kids = (written: string | undefined): unknown =>
  JSON.parse(written ?? '{"keys":[]}').keys.map((key: { kid: string }) => key.kid);

test('[AU-2] keys are replaced when the issuer replaces them, and stay when it is away', async () => {
  let answer: Fetched = text(keySet('first'));
  const { keySets, problems, fetcher } = start(() => answer);
  await expect.poll(() => kids(keySets.get(source))).toEqual(['first']);
  answer = text(keySet('second'));
  await expect.poll(() => kids(keySets.get(source))).toEqual(['second']);
  answer = { kind: 'failed', reason: 'nobody is there' };
  await expect.poll(() => problems).toMatchObject([{ reason: 'nobody is there', hasKeys: true }]);
  expect(kids(keySets.get(source))).toEqual(['second']);
  expect(fetcher.of('RequestAuthentication/default/a')).toEqual([
    { source, state: 'known', keys: 1, fetchedAtMs: 1_000, problem: 'nobody is there' },
  ]);
});

const bad: readonly (readonly [string, string])[] = [
  ['a page', '<html>please log in</html>'],
  ['nothing', ''],
  ['no keys', '{"keys":[]}'],
  ['a symmetric key', '{"keys":[{"kty":"oct","k":"c2VjcmV0"}]}'],
  ['deep nesting', `{"keys":${'['.repeat(100_000)}${']'.repeat(100_000)}}`],
  ['a million keys', `{"keys":[${'{},'.repeat(200_000)}{}]}`],
];

test.each(bad)('[B17] %s is no key set: there are none', async (_name, written) => {
  const { keySets, problems, fetcher } = start(() => text(written));
  await expect.poll(() => problems.length).toBe(1);
  expect(keySets.size).toBe(0);
  expect(fetcher.of('RequestAuthentication/default/a')).toMatchObject([{ state: 'missing' }]);
});

test('an issuer says where its keys are, and must be the one that was asked', async () => {
  const issuer: KeySource = 'issuer https://a.example/realm';
  const configuration = { issuer: 'https://a.example/realm', jwks_uri: 'https://b.example/keys' };
  const good = start(
    (url) => text(url.endsWith('/openid-configuration') ? JSON.stringify(configuration) : keySet('first')),
    nothing(),
    issuer,
  );
  await expect.poll(() => kids(good.keySets.get(issuer))).toEqual(['first']);
  expect(good.asked.slice(0, 2)).toEqual([
    'https://a.example/realm/.well-known/openid-configuration',
    'https://b.example/keys',
  ]);
  const other = { ...configuration, issuer: 'https://evil.example' };
  const wrong = start(() => text(JSON.stringify(other)), nothing(), issuer);
  await expect.poll(() => wrong.problems).toMatchObject([{ hasKeys: false }]);
  expect(wrong.asked).not.toContain('https://b.example/keys');
});

test('keys that nobody needs any more are forgotten and not asked for', async () => {
  const { graph, requests, keySets, fetcher } = start(() => text(keySet('first')));
  await expect.poll(() => keySets.size).toBe(1);
  graph.transact(() => requests.delete(source));
  await expect.poll(() => keySets.size).toBe(0);
  expect(fetcher.of('RequestAuthentication/default/a')).toEqual([]);
});

test('[F21] after a restart the keys of before are there at once, also when the issuer is away', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'xb-keys-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  const open = () => openKeyStore(join(directory, 'key-sets.json'), (error) => expect(error).toBeUndefined());
  const first = start(() => text(keySet('first')), open());
  await expect.poll(() => first.keySets.size).toBe(1);
  first.fetcher[Symbol.dispose]();
  const second = start(() => ({ kind: 'failed', reason: 'nobody is there' }), open());
  expect(kids(second.keySets.get(source))).toEqual(['first']);
});
