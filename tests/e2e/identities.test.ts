// Who gets which certificate, who may ask for whose configuration, and whom a STRICT sidecar lets in.
import { X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { type Authority, createKeyAndCsr, openAuthority, parseCsr, requestCertificate } from '@xebec/ca';
import type { Result } from '@xebec/std';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { failToStart } from './support/control-plane.ts';
import { type Answered, knock } from './support/discovery.ts';
import { fetchText } from './support/http.ts';
import { type Mesh, repositoryFile, startMesh, textAt } from './support/mesh.ts';

const clientId = 'spiffe://cluster.local/ns/default/sa/client';
const echoId = 'spiffe://cluster.local/ns/default/sa/echo';
const scratch = mkdtempSync(join(tmpdir(), 'xb-identities-'));

let mesh: Mesh;
let xds: string;
let rootsPem: string;
beforeAll(async () => {
  mesh = await startMesh({ paths: [repositoryFile('tests/e2e/apps/echo')] });
  rootsPem = readFileSync(join(mesh.state, 'ca/root-cert.pem'), 'utf8');
  xds = textAt(JSON.parse(readFileSync(join(mesh.state, 'run/mesh.json'), 'utf8')), 'xds') ?? '';
}, 240_000);
afterAll(async () => {
  await mesh?.stop();
  rmSync(scratch, { recursive: true, force: true });
});

function unwrap<T>(result: Result<T>): T {
  if (!result.ok) throw new Error(JSON.stringify(result.diagnostics));
  return result.value;
}

/** What the local agent asks for on behalf of a workload: the socket is open to its owner only. */
function joinToken(serviceAccount: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const call = request(
      {
        socketPath: join(mesh.state, 'run/control.sock'),
        path: '/v1/tokens',
        method: 'POST',
        headers: { 'content-type': 'application/json' },
      },
      (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (part: string) => {
          text += part;
        });
        response.on('end', () => resolve(textAt(JSON.parse(text), 'token') ?? ''));
      },
    );
    call.on('error', reject).end(JSON.stringify({ namespace: 'default', serviceAccount }));
  });
}

interface Pair {
  readonly certificatesPem: string;
  readonly privateKeyPem: string;
}

type Credential = Parameters<typeof requestCertificate>[0]['credential'];

async function ask(credential: Credential, wanted: string) {
  const { csrPem, privateKeyPem } = unwrap(await createKeyAndCsr(wanted));
  const answer = await requestCertificate({
    address: xds,
    serverName: 'localhost',
    rootsPem: [rootsPem],
    credential,
    csrPem,
    deadlineMs: 10_000,
  });
  return { answer, privateKeyPem };
}

async function certificateFor(serviceAccount: string, wanted: string): Promise<Pair> {
  const { answer, privateKeyPem } = await ask(
    { kind: 'token', token: await joinToken(serviceAccount) },
    wanted,
  );
  return { certificatesPem: unwrap(answer).certificatesPem, privateKeyPem };
}

/** A certificate straight from an authority, whoever runs it. */
async function forged(authority: Authority, identity: string): Promise<Pair> {
  const { csrPem, privateKeyPem } = unwrap(await createKeyAndCsr(identity));
  const publicKey = unwrap(parseCsr(csrPem));
  const { certificatesPem } = unwrap(authority.issue({ publicKey, spiffeId: identity }));
  return { certificatesPem, privateKeyPem };
}

const foreignAuthority = (): Authority =>
  unwrap(openAuthority({ directory: join(scratch, 'foreign'), trustDomain: 'cluster.local' }));

const names = ({ certificatesPem }: Pair): string | undefined =>
  new X509Certificate(certificatesPem).subjectAltName;

describe('[AU-3] certificates', () => {
  it('carry the identity of the one-time token, whatever the request asks for', async () => {
    const pair = await certificateFor('client', echoId);
    expect(names(pair)).toBe(`URI:${clientId}`);
    const leaf = new X509Certificate(pair.certificatesPem);
    // No subject, which some would take for a name.
    expect([leaf.ca, leaf.subject]).toEqual([false, undefined]);
  });

  it('carry the identity of the certificate that renews, whatever the request asks for', async () => {
    const held = await certificateFor('client', clientId);
    const { answer } = await ask({ kind: 'certificate', ...held }, echoId);
    expect(names({ ...held, certificatesPem: unwrap(answer).certificatesPem })).toBe(`URI:${clientId}`);
  });

  it('are given once for a token, and never for one that nobody issued', async () => {
    const token = await joinToken('client');
    expect((await ask({ kind: 'token', token }, clientId)).answer.ok).toBe(true);
    for (const spent of [token, `${token.slice(0, -2)}AA`, 'made-up']) {
      const { answer } = await ask({ kind: 'token', token: spent }, clientId);
      expect(answer).toMatchObject({ ok: false, diagnostics: [{ code: 'certificate-denied' }] });
    }
  });

  it('are not given for a certificate of another authority', async () => {
    const { answer } = await ask(
      { kind: 'certificate', ...(await forged(foreignAuthority(), echoId)) },
      echoId,
    );
    expect(answer.ok).toBe(false);
  });
});

describe('[AU-3] discovery', () => {
  const nodeOf = (serviceAccount: string, namespace = 'default') => ({
    id: `sidecar~127.127.1.1~probe.${namespace}~${namespace}.svc.cluster.local`,
    metadata: { NAMESPACE: namespace, SERVICE_ACCOUNT: serviceAccount, NAME: 'probe' },
  });
  const tryAs = (certificate: Pair | undefined, node: ReturnType<typeof nodeOf>): Promise<Answered> =>
    knock({ address: xds, rootsPem, node, ...(certificate === undefined ? {} : { certificate }) });

  it("serves a node only what its certificate's identity may have", async () => {
    const pair = await certificateFor('client', clientId);
    expect(await tryAs(pair, nodeOf('client'))).toEqual({ kind: 'served' });
    for (const node of [nodeOf('echo'), nodeOf('client', 'other'), nodeOf('default', 'istio-system')]) {
      expect(await tryAs(pair, node)).toMatchObject({
        kind: 'refused',
        code: 7,
        message: expect.stringContaining('does not match'),
      });
    }
  });

  it('serves nobody without a certificate, or with one of another authority', async () => {
    expect(await tryAs(undefined, nodeOf('client'))).toMatchObject({ kind: 'refused', code: 16 });
    const stranger = await tryAs(await forged(foreignAuthority(), clientId), nodeOf('client'));
    expect(stranger).toMatchObject({ kind: 'refused' });
  });

  it('is never offered in plaintext off loopback', async () => {
    for (const address of ['0.0.0.0:0', '[::]:0', '192.0.2.1:15010']) {
      const { code, stderr } = await failToStart(['--xds-plaintext', address]);
      expect([code, stderr]).toEqual([1, expect.stringMatching(/use 127\.0\.0\.1:PORT, or bind with TLS/)]);
    }
  });
});

describe('[AU-3] [AU-5] a STRICT sidecar', () => {
  const strict =
    'apiVersion: security.istio.io/v1\nkind: PeerAuthentication\nmetadata: {name: default}\nspec: {mtls: {mode: STRICT}}\n';
  let server: string;
  beforeAll(async () => {
    expect((await mesh.apply(strict)).code).toBe(0);
    server = (await mesh.pod('echo')).ip;
  });

  /** The status of a request with this certificate, or what TLS said. */
  function callWith(pair: Pair | undefined): Promise<string> {
    return new Promise((resolve) => {
      const socket = connect({
        host: server,
        port: 8080,
        ca: rootsPem,
        ALPNProtocols: ['istio-http/1.1'],
        checkServerIdentity: () => undefined,
        ...(pair === undefined ? {} : { cert: pair.certificatesPem, key: pair.privateKeyPem }),
      });
      let text = '';
      socket.on('secureConnect', () =>
        socket.write('GET /strict HTTP/1.1\r\nhost: echo\r\nconnection: close\r\n\r\n'),
      );
      socket.setEncoding('utf8').on('data', (part: string) => {
        text += part;
      });
      socket.on('error', (error) => resolve(String(error)));
      socket.on('close', () => resolve(text.split('\r\n', 1)[0] ?? ''));
    });
  }

  it('serves an identity of the mesh', async () => {
    expect(await callWith(await certificateFor('client', clientId))).toBe('HTTP/1.1 200 OK');
  });

  it('refuses plaintext, no certificate, another authority, and another trust domain of the same one', async () => {
    await expect(fetchText({ url: `http://${server}:8080/` })).rejects.toThrow();
    const sameRoot = unwrap(
      openAuthority({ directory: join(mesh.state, 'ca'), trustDomain: 'elsewhere.example' }),
    );
    const intruders = [
      undefined,
      await forged(foreignAuthority(), clientId),
      await forged(sameRoot, 'spiffe://elsewhere.example/ns/default/sa/client'),
    ];
    for (const pair of intruders) expect(await callWith(pair)).not.toContain('HTTP/');
    const proxy = `${(await mesh.pod('client')).ip}:15001`;
    expect((await fetchText({ url: 'http://echo/', proxy })).status).toBe(200);
  });
});
