// Which connections a workload takes: level by level, on every protocol, while it changes, and from whom.

import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { connect as connectPlain } from 'node:net';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type Forged, type Forgery, forge } from './support/forge.ts';
import { rpcClient } from './support/grpc.ts';
import { type GuardedMesh, startGuarded } from './support/guarded.ts';
import { fetchText, startLoad } from './support/http.ts';
import { until } from './support/mesh.ts';
import { scrape, sum } from './support/metrics.ts';
import { dial } from './support/tunnel.ts';

let guarded: GuardedMesh;
let echo: string;
let outsider: Server;
let outsiderPort: number;
beforeAll(async () => {
  outsider = createServer((request, response) =>
    response.end(JSON.stringify({ pod: 'outsider', headers: request.headers })),
  );
  outsiderPort = await new Promise<number>((resolve) => {
    outsider.listen(0, '127.0.0.1', () => resolve((outsider.address() as AddressInfo).port));
  });
  guarded = await startGuarded();
  echo = (await guarded.mesh.pod('echo')).ip;
}, 240_000);
afterAll(async () => {
  await guarded?.stop();
  outsider?.close();
});

const applied = new Set<string>();

/** `NAMESPACE/NAME`. */
async function require(key: string, spec: object): Promise<void> {
  const [namespace = '', name = ''] = key.split('/');
  const kind = { apiVersion: 'security.istio.io/v1', kind: 'PeerAuthentication' };
  const run = await guarded.mesh.apply(JSON.stringify({ ...kind, metadata: { name, namespace }, spec }));
  expect(run.code, run.stderr).toBe(0);
  applied.add(key);
}

afterEach(async () => {
  for (const key of applied) {
    const [namespace = '', name = ''] = key.split('/');
    await guarded.mesh.xebec(['delete', 'PeerAuthentication', name, '-n', namespace, '--wait']);
  }
  applied.clear();
});

/** The status of a request in clear text, or `closed`. */
const plainly = (port: number): Promise<number | string> =>
  fetchText({ url: `http://${echo}:${port}/`, timeoutMs: 5_000 }).then(
    ({ status }) => status,
    () => 'closed',
  );

const throughMesh = (service = 'echo') =>
  fetchText({ url: `http://${service}/`, proxy: `${guarded.client}:15001` });

/** The client's certificate, as the server's proxy tells it. */
const identityIn = (body: string): unknown => JSON.parse(body).headers['x-forwarded-client-cert'];

const toEcho = { selector: { matchLabels: { app: 'echo' } } };

describe('[AU-5] levels', () => {
  it('port over workload over namespace over mesh, and UNSET asks the next wider one', async () => {
    const both = () => Promise.all([plainly(8080), plainly(8082)]);
    await require('istio-system/mesh', { mtls: { mode: 'STRICT' } });
    await until('the mesh is strict', async () => (await plainly(8080)) === 'closed');
    expect((await throughMesh()).status).toBe(200);
    await require('default/own', { mtls: { mode: 'PERMISSIVE' } });
    await until('the namespace is not', async () => (await plainly(8080)) === 200);
    await require('default/own', { mtls: { mode: 'UNSET' } });
    await until('the mesh decides again', async () => (await plainly(8080)) === 'closed');
    await require('default/echo', {
      ...toEcho,
      mtls: { mode: 'UNSET' },
      portLevelMtls: { 8080: { mode: 'PERMISSIVE' } },
    });
    await until('one port is open', async () => (await plainly(8080)) === 200);
    expect(await talkPlainly()).toBe('');
    await require('default/echo', {
      ...toEcho,
      mtls: { mode: 'DISABLE' },
      portLevelMtls: { 8080: { mode: 'STRICT' } },
    });
    await until('it is the only one that is not', async () => (await plainly(8080)) === 'closed');
    expect(await talkPlainly()).toBe('ready\n');
    expect((await both())[0]).toBe('closed');
    expect((await throughMesh()).status).toBe(200);
  });

  it('DISABLE: nothing is encrypted, and nobody is known', async () => {
    await require('default/echo', { ...toEcho, mtls: { mode: 'DISABLE' } });
    await until(
      'the client has heard of it',
      async () => identityIn((await throughMesh()).body) === undefined,
    );
    const { status, body } = await throughMesh();
    expect([status, identityIn(body), await plainly(8080)]).toEqual([200, undefined, 200]);
    expect(await handshake(8080)).not.toContain('200');
  });
});

/** What a server that speaks first says to a client in clear text. */
function talkPlainly(): Promise<string> {
  return new Promise((resolve) => {
    const socket = connectPlain({ host: echo, port: 9000 });
    let text = '';
    const end = (): void => {
      socket.destroy();
      resolve(text);
    };
    socket.setEncoding('utf8').on('data', (part: string) => {
      text += part;
      if (text.endsWith('\n')) end();
    });
    socket.on('error', end).on('close', end).setTimeout(8_000, end);
  });
}

describe('[AU-5] PERMISSIVE', () => {
  it('takes both on every protocol, also where the server speaks first', async () => {
    const proxy = `${guarded.client}:15001`;
    using direct = rpcClient(`${echo}:50051`, 'echo');
    using rpc = rpcClient(proxy, 'echo.default.svc.cluster.local:50051');
    expect([(await direct.unary('Unary', 'a')).code, (await rpc.unary('Unary', 'a')).code]).toEqual([0, 0]);
    expect([await plainly(8080), (await throughMesh()).status]).toEqual([200, 200]);
    expect(identityIn((await throughMesh()).body)).toContain(
      'URI=spiffe://cluster.local/ns/default/sa/client',
    );
    expect([await talkPlainly(), await dial({ proxy, target: 'echo:9000' })]).toEqual(['ready\n', 'ready\n']);
  });

  it('clients use mutual TLS endpoint by endpoint', async () => {
    const entry = {
      apiVersion: 'networking.istio.io/v1',
      kind: 'ServiceEntry',
      metadata: { name: 'mixed' },
      spec: {
        hosts: ['mixed.example'],
        location: 'MESH_INTERNAL',
        resolution: 'STATIC',
        ports: [{ number: 80, name: 'http', protocol: 'HTTP', targetPort: 8080 }],
        workloadSelector: { labels: { app: 'stranger' } },
      },
    };
    const outside = {
      apiVersion: 'networking.istio.io/v1',
      kind: 'WorkloadEntry',
      metadata: { name: 'outsider' },
      spec: { address: '127.0.0.1', ports: { http: outsiderPort }, labels: { app: 'stranger' } },
    };
    const run = await guarded.mesh.apply(
      [entry, outside].map((each) => JSON.stringify(each)).join('\n---\n'),
    );
    expect(run.code, run.stderr).toBe(0);
    const seen = new Map<string, Set<boolean>>();
    await until('both have answered', async () => {
      const { status, body } = await throughMesh('mixed.example');
      expect(status).toBe(200);
      const name = String(JSON.parse(body).pod).replace(/-.*/, '');
      seen.set(name, (seen.get(name) ?? new Set()).add(identityIn(body) !== undefined));
      return seen.size === 2;
    });
    expect(Object.fromEntries([...seen].map(([name, known]) => [name, [...known]]))).toEqual({
      stranger: [true],
      outsider: [false],
    });
  });
});

describe('[AU-5] a live pair', () => {
  it('goes from clear text to mutual TLS and back without a failed request', async () => {
    await require('default/echo', { ...toEcho, mtls: { mode: 'DISABLE' } });
    const load = startLoad({ url: 'http://echo/', proxy: `${guarded.client}:15001` }, 60);
    const greetings: string[] = [];
    let isDone = false;
    const dialing = async (): Promise<void> => {
      while (!isDone) greetings.push(await dial({ proxy: `${guarded.client}:15001`, target: 'echo:9000' }));
    };
    const dials = Promise.all([dialing(), dialing(), dialing(), dialing()]);
    const security = async (name: string): Promise<number> =>
      sum(await scrape(echo), 'istio_requests_total', {
        reporter: 'destination',
        connection_security_policy: name,
      });
    const plain = await security('none');
    await until('clear text', async () => (await security('none')) > plain);
    for (const mode of ['PERMISSIVE', 'STRICT']) await require('default/echo', { ...toEcho, mtls: { mode } });
    const mutual = await security('mutual_tls');
    await until('mutual TLS', async () => (await security('mutual_tls')) > mutual);
    for (const mode of ['PERMISSIVE', 'DISABLE'])
      await require('default/echo', { ...toEcho, mtls: { mode } });
    await until('a hundred requests', async () => load.sent > 100);
    isDone = true;
    await dials;
    const { failures } = await load.stop();
    expect(failures).toEqual({});
    expect([...new Set(greetings)]).toEqual(['ready\n']);
  });
});

const clientId = 'spiffe://cluster.local/ns/default/sa/client';
const hour = 3_600_000;

/** The first line of the answer to a request with this certificate, or what went wrong. */
function handshake(port: number, pair?: Forged): Promise<string> {
  const roots = readFileSync(join(guarded.mesh.state, 'ca/root-cert.pem'), 'utf8');
  return new Promise((resolve) => {
    const socket = connect({
      host: echo,
      port,
      ca: roots,
      ALPNProtocols: [port === 9000 ? 'istio' : 'istio-http/1.1'],
      checkServerIdentity: () => undefined,
      ...(pair === undefined ? {} : { cert: pair.certificatesPem, key: pair.privateKeyPem }),
    });
    let text = '';
    socket.on('secureConnect', () =>
      socket.write('GET / HTTP/1.1\r\nhost: echo\r\nconnection: close\r\n\r\n'),
    );
    socket.setEncoding('utf8').on('data', (part: string) => {
      text += part;
    });
    socket.on('error', (error) => resolve(`${text}${String(error)}`));
    socket.on('close', () => resolve(text));
    socket.setTimeout(3_000, () => socket.destroy());
  });
}

describe('[B09] [AU-3] peers', () => {
  const intruders: readonly (readonly [string, Forgery])[] = [
    ['another trust domain', { uris: ['spiffe://elsewhere.example/ns/default/sa/client'] }],
    [
      'another trust domain that begins alike',
      { uris: ['spiffe://cluster.local.example/ns/default/sa/client'] },
    ],
    ['another case', { uris: ['spiffe://CLUSTER.local/ns/default/sa/client'] }],
    ['another scheme', { uris: ['https://cluster.local/ns/default/sa/client'] }],
    ['expired', { uris: [clientId], from: -2 * hour, until: -hour }],
    ['not yet valid', { uris: [clientId], from: hour, until: 2 * hour }],
    ['self-signed', { uris: [clientId], isSelfSigned: true }],
    ['no name', { uris: [] }],
    ['no URI among its names', { uris: [], dnsNames: ['cluster.local'] }],
    ['two identities', { uris: [clientId, 'spiffe://cluster.local/ns/default/sa/echo'] }],
    ['two, one of them of others', { uris: ['spiffe://elsewhere.example/ns/a/sa/b', clientId] }],
  ];

  it('one of the mesh is served, and no other', async () => {
    await require('default/echo', { ...toEcho, mtls: { mode: 'STRICT' } });
    const pair = await forge(guarded.mesh.state, { uris: [clientId] });
    await until('it is strict', async () => (await plainly(8080)) === 'closed');
    expect(await handshake(8080, pair)).toContain('HTTP/1.1 200 OK');
    for (const [name, forgery] of intruders) {
      const forged = await forge(guarded.mesh.state, forgery);
      expect([name, await handshake(8080, forged)]).toEqual([name, expect.not.stringContaining('HTTP/')]);
    }
    expect(await handshake(8080)).not.toContain('HTTP/');
  });

  it('an identity with %2F is not the one that it decodes to', async () => {
    await require('default/echo', { ...toEcho, mtls: { mode: 'STRICT' } });
    await guarded.policy('only-client', {
      ...toEcho,
      rules: [{ from: [{ source: { serviceAccounts: ['client'] } }] }],
    });
    for (const uri of [
      'spiffe://cluster.local/ns/default%2Fsa%2Fclient',
      'spiffe://cluster.local/ns/default/sa%2Fclient',
      'spiffe://cluster.local/ns/default/sa/client%2F',
      'spiffe://cluster.local/ns/x/../default/sa/client',
      'spiffe://cluster.local/ns/default/sa/client/',
      'spiffe://cluster.local/ns/default/sa/CLIENT',
    ]) {
      const answer = await handshake(8080, await forge(guarded.mesh.state, { uris: [uri] }));
      expect([uri, answer]).toEqual([uri, expect.not.stringContaining(' 200 ')]);
    }
    const pair = await forge(guarded.mesh.state, { uris: [clientId] });
    expect(await handshake(8080, pair)).toContain('HTTP/1.1 200 OK');
    await guarded.clear();
  });
});
