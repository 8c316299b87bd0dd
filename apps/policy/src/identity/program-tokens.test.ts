// Tokens for programs: who they are for, as long as they are for, and nobody else's.
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { unwrap } from '@xebec/ca/testing';
import { afterAll, expect, test } from 'vitest';
import { openProgramTokens } from './program-tokens.ts';

const directory = mkdtempSync(join(tmpdir(), 'xebec-tokens-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));
const hour = 3_600_000;
let nowMs = Date.now();
const open = (name: string, trustDomain = 'cluster.local') =>
  unwrap(openProgramTokens({ file: join(directory, name), trustDomain, now: () => nowMs }));
const job = { namespace: 'ml', serviceAccount: 'trainer' };
const ask = (tokens: ReturnType<typeof open>, bearerToken: string) =>
  tokens.authenticator.authenticate({ peer: '', peerCertificate: undefined, bearerToken });

test('a token says who a program is, over restarts, until it ends', async () => {
  const token = unwrap(open('key.pem').issue(job, hour));
  expect(statSync(join(directory, 'key.pem')).mode & 0o777).toBe(0o600);
  const again = open('key.pem');
  expect(await ask(again, token)).toEqual({ trustDomain: 'cluster.local', ...job });
  nowMs += hour + 61_000;
  expect(await ask(again, token)).toBeUndefined();
});

test('one of another key, another trust domain, or changed, is none', async () => {
  const token = unwrap(open('key.pem').issue(job, hour));
  expect(await ask(open('other.pem'), token)).toBeUndefined();
  expect(await ask(open('key.pem', 'other.domain'), token)).toBeUndefined();
  const [header = '', claims = '', mac = ''] = token.split('.');
  const forged = {
    ...JSON.parse(Buffer.from(claims, 'base64url').toString()),
    sub: 'system:serviceaccount:a:b',
  };
  const body = Buffer.from(JSON.stringify(forged)).toString('base64url');
  expect(await ask(open('key.pem'), `${header}.${body}.${mac}`)).toBeUndefined();
  const none = Buffer.from('{"alg":"none"}').toString('base64url');
  expect(await ask(open('key.pem'), `${none}.${body}.`)).toBeUndefined();
});

test('what cannot be given out is refused with a reason', () => {
  const { issue } = open('key.pem');
  expect(issue({ namespace: 'a b', serviceAccount: 'c' }, hour).ok).toBe(false);
  for (const ttlMs of [0, -1, Number.NaN, 31 * 24 * hour]) expect(issue(job, ttlMs).ok).toBe(false);
  writeFileSync(join(directory, 'broken.pem'), 'no key');
  expect(openProgramTokens({ file: join(directory, 'broken.pem'), trustDomain: 'x' }).ok).toBe(false);
});
