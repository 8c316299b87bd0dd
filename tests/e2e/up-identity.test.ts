// One command with a signer, an issuer of tokens and keys of somebody else's choosing: the options of `up` are those of its parts.
import { generateKeyPairSync, sign, X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createKeyAndCsr, requestCertificate } from '@xebec/ca';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ExternalSigner, hasOpenssl, openExternalSigner } from './support/external-signer.ts';
import { handshake } from './support/handshake.ts';
import { fetchText } from './support/http.ts';
import { credentialsOf } from './support/identity.ts';
import { type Mesh, repositoryFile, startMesh, textAt, until, xebec } from './support/mesh.ts';

const directory = mkdtempSync(join(tmpdir(), 'xb-'));
const state = join(directory, 'state');
const issuer = 'https://issuer.example';
const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2_048 });
let signer: ExternalSigner | undefined;
let mesh: Mesh;

beforeAll(async () => {
  if (!hasOpenssl) return;
  signer = await openExternalSigner(directory, state);
  const keys = join(directory, 'keys.json');
  writeFileSync(keys, JSON.stringify({ keys: [publicKey.export({ format: 'jwk' })] }));
  mesh = await startMesh({
    paths: [repositoryFile('tests/e2e/apps/echo')],
    state,
    flags: [
      ...['--ca-signer', signer.url, '--workload-key', 'rsa-2048'],
      ...['--token-issuer', issuer, '--token-jwks', keys, '--token-audience', 'mesh'],
    ],
  });
}, 240_000);
afterAll(async () => {
  await mesh?.stop();
  signer?.kill();
  rmSync(directory, { recursive: true, force: true });
});

const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');

function tokenFor(audience: string): string {
  const exp = Math.floor(Date.now() / 1_000) + 600;
  const claims = { iss: issuer, aud: audience, exp, sub: 'system:serviceaccount:default:joiner' };
  const signed = `${encode({ alg: 'RS256' })}.${encode(claims)}`;
  return `${signed}.${sign('sha256', Buffer.from(signed), privateKey).toString('base64url')}`;
}

describe.runIf(hasOpenssl)('[AU-9] one command', () => {
  it('with a signer elsewhere and RSA keys: sidecars serve certificates of it, and calls go through', async () => {
    const client = await mesh.pod('client');
    const server = await mesh.pod('echo');
    await until('calls are answered', async () => {
      const { status } = await fetchText({ url: 'http://echo/', proxy: `${client.ip}:15001` });
      return status === 200;
    });
    const served = await handshake(server.ip, await credentialsOf(mesh, 'client'));
    expect(served?.issuer).toBe('CN=Elsewhere');
    expect(served?.publicKey.asymmetricKeyType).toBe('rsa');
    expect(served?.publicKey.asymmetricKeyDetails?.modulusLength).toBe(2_048);
  });

  it.each(['ecdsa-p256', 'ecdsa-p384', 'rsa-2048'] as const)(
    'a peer with a key of %s is let in',
    async (algorithm) => {
      const server = await mesh.pod('echo');
      const mine = await credentialsOf(mesh, 'client', { algorithm });
      const served = await handshake(server.ip, mine);
      expect(served?.subjectAltName).toBe('URI:spiffe://cluster.local/ns/default/sa/echo');
    },
  );

  it('with an issuer of tokens: its tokens give their identity, for this audience only', async () => {
    const run: unknown = JSON.parse(readFileSync(join(state, 'run/mesh.json'), 'utf8'));
    const created = await createKeyAndCsr('spiffe://cluster.local/ns/default/sa/other', 'rsa-2048');
    const ask = (audience: string) =>
      requestCertificate({
        address: textAt(run, 'xds') ?? '',
        serverName: 'localhost',
        rootsPem: [readFileSync(signer?.rootFile ?? '', 'utf8')],
        credential: { kind: 'token', token: tokenFor(audience) },
        csrPem: created.ok ? created.value.csrPem : '',
        deadlineMs: 10_000,
      });
    const received = await ask('mesh');
    const [leaf] = received.ok ? [new X509Certificate(received.value.certificatesPem)] : [];
    expect(leaf?.subjectAltName).toBe('URI:spiffe://cluster.local/ns/default/sa/joiner');
    expect((await ask('istio-ca')).ok).toBe(false);
  });

  it('with half of what belongs together says so and starts nothing', async () => {
    const other = join(directory, 'other');
    const half = await xebec(['up', '--detach', '--state', other, '--token-issuer', issuer]);
    expect(half.code).toBe(1);
    expect(half.stderr).toContain('say --token-jwks too');
    const kind = await xebec(['up', '--state', other, '--workload-key', 'rsa-1024']);
    expect(kind.code).not.toBe(0);
    expect(kind.stderr).toContain('ecdsa-p256, ecdsa-p384, rsa-2048');
  });
});
