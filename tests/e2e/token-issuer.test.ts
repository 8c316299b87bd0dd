// Workloads that come with a token of somebody else's: the control plane's own options decide whose, and the token who they are.
import { generateKeyPairSync, sign } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createKeyAndCsr, requestCertificate } from '@xebec/ca';
import { afterAll, describe, expect, it } from 'vitest';
import { startControlPlane } from './support/control-plane.ts';
import { xebec } from './support/mesh.ts';

const state = mkdtempSync(join(tmpdir(), 'xb-'));
afterAll(() => rmSync(state, { recursive: true, force: true }));

const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2_048 });
const issuer = 'https://issuer.example';
const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');

function tokenOf(claims: object): string {
  const exp = Math.floor(Date.now() / 1_000) + 600;
  const signed = `${encode({ alg: 'RS256' })}.${encode({ iss: issuer, aud: 'istio-ca', exp, ...claims })}`;
  return `${signed}.${sign('sha256', Buffer.from(signed), privateKey).toString('base64url')}`;
}

describe('[AU-3] a token of a configured issuer', () => {
  it('gives the identity that it is for, and no other', async () => {
    const keys = join(state, 'keys.json');
    writeFileSync(keys, JSON.stringify({ keys: [publicKey.export({ format: 'jwk' })] }));
    await using controlPlane = await startControlPlane([
      ...['--state', state, '--xds', '127.0.0.1:0'],
      ...['--token-issuer', issuer, '--token-jwks', keys],
    ]);
    const admin = 'spiffe://cluster.local/ns/kube-system/sa/admin';
    const created = await createKeyAndCsr(admin);
    const ask = (token: string) =>
      requestCertificate({
        address: controlPlane.address('xds'),
        serverName: 'localhost',
        rootsPem: [readFileSync(join(state, 'ca/root-cert.pem'), 'utf8')],
        credential: { kind: 'token', token },
        csrPem: created.ok ? created.value.csrPem : '',
        deadlineMs: 10_000,
      });
    const sub = 'system:serviceaccount:default:reviews';
    const received = await ask(tokenOf({ sub }));
    expect(received.ok && received.value.spiffeId).toBe('spiffe://cluster.local/ns/default/sa/reviews');
    for (const claims of [{ sub: 'admin' }, { sub, aud: 'other' }, { sub, exp: 1 }, { sub, iss: 'x' }]) {
      expect((await ask(tokenOf(claims))).ok).toBe(false);
    }
  }, 60_000);

  it('needs an issuer and its keys', async () => {
    const half = await xebec(['controlplane', '--xds-plaintext', '127.0.0.1:0', '--token-issuer', issuer]);
    expect(half.code).toBe(1);
    expect(half.stderr).toContain('say --token-jwks too');
  }, 60_000);
});
