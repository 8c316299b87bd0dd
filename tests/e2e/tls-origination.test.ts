// TLS that a sidecar originates to servers outside the mesh: with Secrets for the workloads a rule selects, and closed wherever something cannot be verified.
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { toYaml } from '@xebec/config';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hasOpenssl, type OutsideAuthority, openOutsideAuthority, type Pair } from './support/edge.ts';
import { type EntryMesh, entry, startEntryMesh } from './support/entries.ts';
import { fetchText } from './support/http.ts';
import { until } from './support/mesh.ts';
import type { StockEnvoy } from './support/stock-envoy.ts';

const servers: Server[] = [];
let bank: OutsideAuthority;
let stranger: OutsideAuthority;
let mesh: EntryMesh;
let selected: StockEnvoy;
let other: StockEnvoy;

async function startServer(pair: Pair, options: { readonly clients?: string } = {}): Promise<number> {
  const server = createServer(
    {
      ...pair,
      ...(options.clients === undefined
        ? {}
        : { ca: options.clients, requestCert: true, rejectUnauthorized: true }),
    },
    (request, response) => {
      const socket = request.socket as TLSSocket & { servername?: string };
      const peer = socket.getPeerCertificate().subjectaltname ?? 'nobody';
      response.end(`${socket.servername} ${peer}`);
    },
  );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  servers.push(server);
  return (server.address() as AddressInfo).port;
}

const secret = (name: string, stringData: Readonly<Record<string, string>>): string =>
  toYaml({ apiVersion: 'v1', kind: 'Secret', metadata: { name }, stringData });
/** For workloads with `app: teller` only. */
const forTellers = (text: string): string =>
  text.replace('spec: {host', 'spec: {workloadSelector: {matchLabels: {app: teller}}, host');
const host = (name: string, port: number, tls: string): readonly [string, string] => [
  name,
  forTellers(entry(name, { policy: `tls: {${tls}}`, backends: [{ name: 'a', port }] })),
];

async function files(): Promise<Readonly<Record<string, string>>> {
  const own = await startServer(
    bank.issue(['DNS:bank.example', 'DNS:simple.example', 'DNS:revoked.example']),
  );
  const mutual = await startServer(bank.issue(['DNS:mutual.example']), { clients: bank.root });
  const strange = await startServer(
    stranger.issue(['DNS:strange.example', 'DNS:system.example', 'DNS:any.example']),
  );
  const client = bank.issue(['URI:spiffe://bank/teller']);
  const revokedPair = bank.issue(['DNS:revoked.example']);
  const revoked = await startServer(revokedPair);
  return {
    roots: secret('roots', { cacert: bank.root }),
    teller: secret('teller', { cert: client.cert, key: client.key, cacert: bank.root }),
    crl: secret('crl', { cacert: bank.root, crl: bank.revoke(revokedPair) }),
    ...Object.fromEntries([
      host('simple', own, 'mode: SIMPLE, credentialName: roots'),
      host('wrong-name', own, 'mode: SIMPLE, credentialName: roots'),
      host('named', own, 'mode: SIMPLE, credentialName: roots, sni: bank.example'),
      host('other-name', own, 'mode: SIMPLE, credentialName: roots, subjectAltNames: [bank.example]'),
      host('mutual', mutual, 'mode: MUTUAL, credentialName: teller'),
      host('strange', strange, 'mode: SIMPLE, credentialName: roots'),
      host('any', strange, 'mode: SIMPLE, credentialName: roots, insecureSkipVerify: true'),
      host('missing', own, 'mode: SIMPLE, credentialName: nothing'),
      host('revoked', revoked, 'mode: SIMPLE, credentialName: crl'),
    ]),
  };
}

describe.skipIf(!hasOpenssl)('[DP-10] TLS origination (needs openssl)', () => {
  beforeAll(async () => {
    bank = openOutsideAuthority('bank');
    stranger = openOutsideAuthority('stranger');
    mesh = await startEntryMesh(await files());
    const metadata = { LABELS: { app: 'teller' } };
    [selected, other] = await Promise.all([
      mesh.envoy('teller', 'simple', { metadata }),
      mesh.envoy('other', 'simple'),
    ]);
    await until('its secrets are there', async () => (await call('mutual')).status === 200);
  }, 60_000);
  afterAll(async () => {
    await mesh?.[Symbol.asyncDispose]();
    for (const server of servers) server.close();
    bank?.[Symbol.dispose]();
    stranger?.[Symbol.dispose]();
  });

  const call = (name: string, envoy = selected) =>
    fetchText({ url: `http://${name}.example/`, proxy: `${envoy.address}:15001` });

  it('SIMPLE: the name that is called is asked for and verified', async () => {
    expect(await call('simple')).toMatchObject({ status: 200, body: 'simple.example nobody' });
  });

  it('MUTUAL: shows the certificate of the Secret', async () => {
    expect(await call('mutual')).toMatchObject({
      status: 200,
      body: 'mutual.example URI:spiffe://bank/teller',
    });
  });

  it('another name is asked for, or accepted, where the rule says so', async () => {
    expect(await call('named')).toMatchObject({ status: 200, body: 'bank.example nobody' });
    expect(await call('other-name')).toMatchObject({ status: 200, body: 'other-name.example nobody' });
  });

  it.each(['wrong-name', 'strange', 'missing', 'revoked'])('%s: closed, 503', async (name) => {
    expect((await call(name)).status).toBe(503);
  });

  it('insecureSkipVerify takes anybody', async () => {
    expect((await call('any')).status).toBe(200);
  });

  it('a workload that the rule does not select has neither TLS nor its keys', async () => {
    expect((await call('simple', other)).status).not.toBe(200);
    expect(await other.admin('/config_dump')).not.toContain('kubernetes://');
  });
});
