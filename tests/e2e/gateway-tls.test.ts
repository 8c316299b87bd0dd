// TLS at the edge: every mode with clients that may come in and clients that may not, and a certificate replaced under load.
import { createHash, X509Certificate } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { Agent } from 'node:https';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type EdgeMesh,
  hasOpenssl,
  type OutsideAuthority,
  openOutsideAuthority,
  type Pair,
  secretOf,
  startEdgeMesh,
} from './support/edge.ts';
import { envoyAdmin } from './support/envoy-admin.ts';
import { fetchText } from './support/http.ts';
import { textAt, until } from './support/mesh.ts';
import { fetchTls, shakeHands, type TlsCall } from './support/tls.ts';

let edge: EdgeMesh;
let outside: OutsideAuthority;
let stranger: OutsideAuthority;
let client: Pair;
let other: Pair;
let revoked: Pair;

const gatewayServer = (name: string, tls: string, port = 443): string => `
  - port: { number: ${port}, name: ${name}, protocol: HTTPS }
    hosts: [${name}.edge.example]
    tls: { ${tls} }`;

const gateways = ({ files, late, hash, key }: Written): string => `
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: { name: edge }
spec:
  selector: { istio: edge }
  servers:
  - port: { number: 80, name: http, protocol: HTTP }
    hosts: [simple.edge.example]
    tls: { httpsRedirect: true }
${[
  gatewayServer('simple', 'mode: SIMPLE, credentialName: simple'),
  gatewayServer('two', 'mode: SIMPLE, credentialNames: [rsa, simple]'),
  gatewayServer('newest', 'mode: SIMPLE, credentialName: simple, minProtocolVersion: TLSV1_3'),
  gatewayServer(
    'oldest',
    'mode: SIMPLE, credentialName: simple, maxProtocolVersion: TLSV1_2, cipherSuites: [ECDHE-ECDSA-AES256-GCM-SHA384]',
  ),
  gatewayServer('mutual', 'mode: MUTUAL, credentialName: mutual'),
  gatewayServer('named', 'mode: MUTUAL, credentialName: mutual, subjectAltNames: [spiffe://outside/client]'),
  gatewayServer('optional', 'mode: OPTIONAL_MUTUAL, credentialName: simple, caCertCredentialName: clients'),
  gatewayServer('lenient', 'mode: OPTIONAL_MUTUAL, credentialName: mutual, insecureSkipVerify: true'),
  gatewayServer('mesh', 'mode: ISTIO_MUTUAL'),
  gatewayServer('files', files),
  gatewayServer('late', late),
  gatewayServer('hashed', `mode: MUTUAL, credentialName: mutual, verifyCertificateHash: ["${hash}"]`),
  gatewayServer('keyed', `mode: MUTUAL, credentialName: mutual, verifyCertificateSpki: ["${key}"]`),
  gatewayServer('missing', 'mode: SIMPLE, credentialName: nowhere'),
].join('')}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: edge }
spec:
  hosts: ["*"]
  gateways: [edge]
  http: [{ route: [{ destination: { host: echo, port: { number: 80 } } }] }]
`;

beforeAll(async () => {
  if (!hasOpenssl) return;
  outside = openOutsideAuthority('outside');
  stranger = openOutsideAuthority('stranger');
  client = outside.issue(['URI:spiffe://outside/client']);
  other = outside.issue(['URI:spiffe://outside/other']);
  revoked = outside.issue(['URI:spiffe://outside/client']);
  edge = await startEdgeMesh([{ name: 'edge', ports: [80, 443] }]);
  const server = outside.issue(['DNS:*.edge.example']);
  const rsa = outside.issue(['DNS:*.edge.example'], { algorithm: 'rsa' });
  const parts = { 'tls.crt': server.cert, 'tls.key': server.key };
  const secrets = [
    secretOf('simple', parts),
    secretOf('rsa', { 'tls.crt': rsa.cert, 'tls.key': rsa.key }),
    secretOf('mutual', { ...parts, 'ca.crt': outside.root, 'ca.crl': outside.revoke(revoked) }),
    secretOf('clients-cacert', { cacert: outside.root }),
  ];
  const applied = await edge.mesh.apply([...secrets, gateways(written())].join('\n---\n'));
  expect([applied.code, applied.stderr]).toEqual([0, expect.anything()]);
  // What is missing holds up the others on its port, for a short while at first.
  await until('it serves', async () => (await get('simple')).status === 200);
}, 240_000);
afterAll(async () => {
  await edge?.stop();
  outside?.[Symbol.dispose]();
  stranger?.[Symbol.dispose]();
});

interface Written {
  /** TLS with files of the machine that the gateway runs on; `late` are there later. */
  readonly files: string;
  readonly late: string;
  /** Of the client's certificate, and of its key. */
  readonly hash: string;
  readonly key: string;
}

function written(): Written {
  write('server', outside.issue(['DNS:files.edge.example']));
  const at = (name: string): string => join(outside.directory, name);
  const certificate = new X509Certificate(client.cert);
  const spki = certificate.publicKey.export({ type: 'spki', format: 'der' });
  return {
    files: `mode: MUTUAL, serverCertificate: ${at('server.crt')}, privateKey: ${at('server.key')}, caCertificates: ${at('root.crt')}`,
    late: `mode: SIMPLE, serverCertificate: ${at('late.crt')}, privateKey: ${at('late.key')}`,
    hash: certificate.fingerprint256,
    key: createHash('sha256').update(spki).digest('base64'),
  };
}

function write(name: string, { cert, key }: Pair): void {
  writeFileSync(join(outside.directory, `${name}.crt`), cert);
  writeFileSync(join(outside.directory, `${name}.key`), key);
}

const call = (name: string, options: TlsCall['options'] = {}, more: Partial<TlsCall> = {}): TlsCall => ({
  port: edge.portOf('edge', 443),
  name: `${name}.edge.example`,
  options: { ca: outside.root, ...options },
  ...more,
});
const get = (name: string, options: TlsCall['options'] = {}) => fetchTls(call(name, options));
const as = ({ cert, key }: Pair) => ({ cert, key });
const statusOf = async (name: string, options: TlsCall['options'] = {}) => (await get(name, options)).status;
const forwarded = async (name: string, options: TlsCall['options'] = {}): Promise<string | undefined> =>
  textAt(JSON.parse((await get(name, options)).body), 'headers', 'x-forwarded-client-cert');

describe.skipIf(!hasOpenssl)('[DP-10] TLS at a gateway (needs openssl)', () => {
  it('SIMPLE serves the certificate that the server name asks for, and no other name', async () => {
    expect(await statusOf('simple')).toBe(200);
    await expect(get('unknown')).rejects.toThrow(/ECONNRESET|disconnected/);
    await expect(get('simple', { ca: stranger.root })).rejects.toThrow(/signature|issuer|certificate/);
    expect((await shakeHands(call('simple', { ALPNProtocols: ['h2', 'http/1.1'] }))).alpn).toBe('h2');
  });

  it('sends plaintext to https', async () => {
    const answer = await fetchText({
      url: `http://127.0.0.1:${edge.portOf('edge', 80)}/path?q=1`,
      headers: { host: 'simple.edge.example' },
    });
    expect([answer.status, answer.headers.location]).toEqual([301, 'https://simple.edge.example/path?q=1']);
  });

  it('has an RSA and an ECDSA certificate for one name', async () => {
    const legacy = { maxVersion: 'TLSv1.2', minVersion: 'TLSv1.2' } as const;
    const rsa = await shakeHands(call('two', { ...legacy, ciphers: 'ECDHE-RSA-AES128-GCM-SHA256' }));
    const ecdsa = await shakeHands(call('two', { ...legacy, ciphers: 'ECDHE-ECDSA-AES128-GCM-SHA256' }));
    expect([rsa, ecdsa].map(({ certificate }) => certificate.publicKey.asymmetricKeyType)).toEqual([
      'rsa',
      'ec',
    ]);
  });

  it('[AU-5] keeps to the versions and ciphers of its server, with TLS 1.2 as the floor', async () => {
    expect((await shakeHands(call('newest'))).protocol).toBe('TLSv1.3');
    await expect(shakeHands(call('newest', { maxVersion: 'TLSv1.2' }))).rejects.toThrow(/version/);
    const oldest = await shakeHands(call('oldest'));
    expect([oldest.protocol, oldest.cipher]).toEqual(['TLSv1.2', 'ECDHE-ECDSA-AES256-GCM-SHA384']);
    await expect(shakeHands(call('oldest', { ciphers: 'ECDHE-ECDSA-AES128-GCM-SHA256' }))).rejects.toThrow(
      /handshake/,
    );
    const broken = { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT:@SECLEVEL=0' } as const;
    await expect(shakeHands(call('simple', broken))).rejects.toThrow(/version/);
    const weak = { maxVersion: 'TLSv1.2', ciphers: 'AES128-SHA:ECDHE-RSA-AES128-SHA:@SECLEVEL=0' } as const;
    await expect(shakeHands(call('simple', weak))).rejects.toThrow(/handshake/);
  });

  it('MUTUAL takes certificates of its roots, and neither none, nor others, nor revoked ones', async () => {
    expect(await statusOf('mutual', as(client))).toBe(200);
    expect(await forwarded('mutual', as(client))).toContain('URI=spiffe://outside/client');
    await expect(get('mutual')).rejects.toThrow();
    await expect(get('mutual', as(stranger.issue(['URI:spiffe://outside/client'])))).rejects.toThrow();
    await expect(get('mutual', as(revoked))).rejects.toThrow();
  });

  it('MUTUAL: what is revoked later is refused from then on', async () => {
    const leaving = outside.issue(['URI:spiffe://outside/leaving']);
    expect(await statusOf('mutual', as(leaving))).toBe(200);
    const before = listenerCounts(await stats());
    const server = outside.issue(['DNS:*.edge.example']);
    const secret = {
      'tls.crt': server.cert,
      'tls.key': server.key,
      'ca.crt': outside.root,
      'ca.crl': outside.revoke(revoked, leaving),
    };
    const applied = await edge.mesh.apply(secretOf('mutual', secret));
    expect(applied.code, applied.stderr).toBe(0);
    await until('it is refused', () =>
      get('mutual', as(leaving)).then(
        () => false,
        () => true,
      ),
    );
    expect(await statusOf('mutual', as(client))).toBe(200);
    expect(listenerCounts(await stats())).toEqual(before);
  });

  it('MUTUAL with subjectAltNames takes only those', async () => {
    expect(await statusOf('named', as(client))).toBe(200);
    await expect(get('named', as(other))).rejects.toThrow();
  });

  it.each(['hashed', 'keyed'])(
    'MUTUAL with the hash of a certificate or key (%s) takes only that',
    async (name) => {
      expect(await statusOf(name, as(client))).toBe(200);
      await expect(get(name, as(other))).rejects.toThrow();
    },
  );

  it('OPTIONAL_MUTUAL takes none or a good one', async () => {
    expect(await statusOf('optional')).toBe(200);
    expect(await forwarded('optional')).not.toContain('outside');
    expect(await forwarded('optional', as(client))).toContain('URI=spiffe://outside/client');
    await expect(get('optional', as(stranger.issue(['URI:spiffe://a/b'])))).rejects.toThrow();
  });

  it('insecureSkipVerify lets a bad one through and says whose it is', async () => {
    expect(await forwarded('lenient', as(stranger.issue(['URI:spiffe://a/b'])))).toContain(
      'URI=spiffe://a/b',
    );
  });

  it('ISTIO_MUTUAL shows its own identity and wants one of the mesh', async () => {
    const { certificate } = await shakeHands(call('mesh', { maxVersion: 'TLSv1.3' }));
    expect(certificate.subjectAltName).toBe(
      'URI:spiffe://cluster.local/ns/istio-system/sa/edge-service-account',
    );
    await expect(get('mesh', { rejectUnauthorized: false, ...as(client) })).rejects.toThrow();
  });

  it('[RELIABILITY F11] a missing Secret closes its own server only, and opens it when it comes', async () => {
    await expect(get('missing')).rejects.toThrow();
    const { cert, key } = outside.issue(['DNS:missing.edge.example']);
    const applied = await edge.mesh.apply(secretOf('nowhere', { 'tls.crt': cert, 'tls.key': key }));
    expect(applied.code, applied.stderr).toBe(0);
    await until('it serves', async () => (await get('missing')).status === 200);
  });

  it('[RELIABILITY F11] files that are not there yet close their own server only, and open it when they come', async () => {
    await expect(get('late')).rejects.toThrow();
    write('late', outside.issue(['DNS:late.edge.example']));
    await until('it serves', async () => (await get('late')).status === 200);
  });

  it('certificates in files are served, and served anew when they change', async () => {
    await until('it serves', async () => (await get('files', as(client))).status === 200);
    await expect(get('files')).rejects.toThrow();
    write('server', outside.issue(['DNS:files.edge.example', 'DNS:renewed']));
    await until('the new one', async () =>
      (await shakeHands(call('files', as(client)))).certificate.subjectAltName?.includes('renewed'),
    );
  });

  it('a new certificate under load: served at once, no request lost, no connection closed, no listener changed', async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 4 });
    const admin = async (): Promise<Record<string, number>> => listenerCounts(await stats());
    const before = await admin();
    const failures: unknown[] = [];
    let isRunning = true;
    let sent = 0;
    const sockets = new Set<unknown>();
    const worker = async (): Promise<void> => {
      while (isRunning) {
        try {
          const { status } = await fetchTls(call('simple', {}, { agent }));
          sent += 1;
          if (status !== 200) failures.push(status);
        } catch (error) {
          failures.push(error);
        }
      }
    };
    agent.on('free', (socket) => sockets.add(socket));
    const workers = [worker(), worker(), worker(), worker()];
    await until('requests flow', async () => sent > 20);
    for (const round of [1, 2, 3]) {
      const next = outside.issue(['DNS:*.edge.example', `DNS:round-${round}`]);
      const applied = await edge.mesh.apply(
        secretOf('simple', { 'tls.crt': next.cert, 'tls.key': next.key }),
      );
      expect(applied.code, applied.stderr).toBe(0);
      await until('the new certificate', async () => {
        const { certificate } = await shakeHands(call('simple'));
        return certificate.subjectAltName?.includes(`round-${round}`);
      });
    }
    isRunning = false;
    await Promise.all(workers);
    agent.destroy();
    expect(failures).toEqual([]);
    expect(sockets.size).toBeLessThanOrEqual(4);
    expect(await admin()).toEqual(before);
  }, 60_000);
});

/** What must not move when only a secret changes. */
function listenerCounts(text: string): Record<string, number> {
  const names = [
    'listener_added',
    'listener_modified',
    'listener_removed',
    'listener_in_place_updated',
    'total_filter_chains_draining',
    'total_listeners_draining',
  ];
  return Object.fromEntries(
    names.map((name) => [
      name,
      Number(new RegExp(`^listener_manager\\.${name}: (\\d+)`, 'm').exec(text)?.[1] ?? -1),
    ]),
  );
}

const stats = async (): Promise<string> =>
  envoyAdmin(edge.mesh, (await edge.mesh.pod('edge')).name, '/stats?filter=listener_manager');
