// Out of the mesh through an egress gateway, and one rule that means the same in a sidecar, at the way in and at the way out.
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { ConnectionOptions } from 'node:tls';
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
import { type Answer, fetchText } from './support/http.ts';
import { until } from './support/mesh.ts';
import { fetchTls } from './support/tls.ts';
import { openTunnel } from './support/tunnel.ts';

let edge: EdgeMesh;
let outside: OutsideAuthority;
let client: string;
/** What a client outside of the mesh would show. */
let own: Pair;
/** Ports of the servers outside. */
let ports: { readonly plain: number; readonly secure: number };
const servers: Server[] = [];

interface Heard {
  readonly server: string;
  readonly headers: IncomingHttpHeaders;
  readonly client: string;
}
const heard: Heard[] = [];

beforeAll(async () => {
  if (!hasOpenssl) return;
  outside = openOutsideAuthority('outside');
  edge = await startEdgeMesh([
    { name: 'ingress', ports: [80] },
    { name: 'egress', ports: [80, 443, 8443] },
  ]);
  client = `${(await edge.mesh.pod('client')).ip}:15001`;
  const plain = await listening(
    createServer(({ headers }, response) => {
      heard.push({ server: 'plain', headers, client: '' });
      response.end('plain');
    }),
  );
  const options = { ...outside.issue(['DNS:secure.example']), ca: outside.root, requestCert: true };
  const secure = await listening(
    createTlsServer(options, (request, response) => {
      const { socket, headers } = request;
      const names =
        'getPeerX509Certificate' in socket
          ? String(Object(socket).getPeerX509Certificate()?.subjectAltName)
          : '';
      heard.push({ server: 'secure', headers, client: names });
      response.end('secure');
    }),
  );
  ports = { plain, secure };
  own = outside.issue(['URI:spiffe://outside/own']);
  const identity = outside.issue(['URI:spiffe://outside/egress']);
  const secret = secretOf('egress-client', {
    'tls.crt': identity.cert,
    'tls.key': identity.key,
    'ca.crt': outside.root,
  });
  const applied = await edge.mesh.apply(
    [
      secret,
      egressService,
      entry('plain', plain),
      entry('secure', secure),
      entry('same', plain),
      wildcard(plain, secure),
      gateways,
      routes,
    ].join('\n---\n'),
  );
  expect([applied.code, applied.stderr]).toEqual([0, expect.anything()]);
}, 240_000);
afterAll(async () => {
  await edge?.stop();
  outside?.[Symbol.dispose]();
  for (const server of servers) server.close();
});

function listening(server: Server): Promise<number> {
  servers.push(server);
  return new Promise((resolve) =>
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      resolve(typeof address === 'object' && address !== null ? address.port : 0);
    }),
  );
}

const egressService = `
apiVersion: v1
kind: Service
metadata: { name: egress, namespace: istio-system }
spec:
  selector: { istio: egress }
  ports: [{ name: http, port: 80 }, { name: https, port: 443 }, { name: tls, port: 8443 }]
`;

const entry = (name: string, port: number): string => `
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: ${name} }
spec:
  hosts: [${name}.example]
  ports: [{ number: 80, name: http, protocol: HTTP }]
  location: MESH_EXTERNAL
  resolution: STATIC
  endpoints: [{ address: 127.0.0.1, ports: { http: ${port} } }]
`;

/** Every machine answers to every name under `localhost`. */
const wildcard = (http: number, tls: number): string => `
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: wildcard }
spec:
  hosts: ["*.localhost"]
  ports: [{ number: ${http}, name: http, protocol: HTTP }, { number: ${tls}, name: tls, protocol: TLS }]
  location: MESH_EXTERNAL
  resolution: DYNAMIC_DNS
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: wildcard }
spec:
  hosts: ["*.localhost"]
  gateways: [mesh, egress]
  http:
  - match: [{ gateways: [mesh] }]
    route: [{ destination: { host: egress.istio-system.svc.cluster.local, port: { number: 80 } } }]
  - match: [{ gateways: [egress] }]
    route: [{ destination: { host: "*.localhost", port: { number: ${http} } } }]
    headers: { request: { set: { x-way: egress } } }
  tls:
  - match: [{ gateways: [mesh], sniHosts: ["*.localhost"] }]
    route: [{ destination: { host: egress.istio-system.svc.cluster.local, port: { number: 8443 } } }]
  - match: [{ gateways: [egress], sniHosts: ["*.localhost"] }]
    route: [{ destination: { host: "*.localhost", port: { number: ${tls} } } }]
`;

const gateways = `
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: { name: egress }
spec:
  selector: { istio: egress }
  servers:
  - { port: { number: 80, name: http, protocol: HTTP }, hosts: [plain.example, same.example, "*.localhost"] }
  - { port: { number: 443, name: https, protocol: HTTPS }, hosts: ["*"], tls: { mode: ISTIO_MUTUAL } }
  - { port: { number: 8443, name: tls, protocol: TLS }, hosts: ["*.localhost"], tls: { mode: PASSTHROUGH } }
---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: { name: ingress }
spec:
  selector: { istio: ingress }
  servers: [{ port: { number: 80, name: http, protocol: HTTP }, hosts: [same.example] }]
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: to-egress }
spec:
  host: egress.istio-system.svc.cluster.local
  trafficPolicy:
    portLevelSettings: [{ port: { number: 443 }, tls: { mode: ISTIO_MUTUAL } }]
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: originate, namespace: istio-system }
spec:
  host: secure.example
  trafficPolicy: { tls: { mode: MUTUAL, credentialName: egress-client, sni: secure.example } }
`;

const through = (name: string, port: number): string => `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: ${name} }
spec:
  hosts: [${name}.example]
  gateways: [mesh, egress]
  http:
  - match: [{ gateways: [mesh] }]
    route: [{ destination: { host: egress.istio-system.svc.cluster.local, port: { number: ${port} } } }]
  - match: [{ gateways: [egress] }]
    route: [{ destination: { host: ${name}.example, port: { number: 80 } } }]
`;

const routes = `${through('plain', 80)}---${through('secure', 443)}---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: same }
spec:
  hosts: [same.example]
  gateways: [mesh, ingress, egress]
  http:
  - match: [{ headers: { end-user: { exact: jason } } }]
    fault: { abort: { httpStatus: 418, percentage: { value: 100 } } }
    route: [{ destination: { host: same.example } }]
  - match: [{ uri: { prefix: /old } }]
    redirect: { uri: /new }
  - match: [{ uri: { regex: "/v[0-9]+" }, queryParams: { q: { exact: "1" } } }]
    directResponse: { status: 207, body: { string: direct } }
  - match: [{ withoutHeaders: { x-forbidden: {} } }]
    headers: { response: { set: { x-rule: last } } }
    route: [{ destination: { host: same.example } }]
`;

const call = (host: string, headers: Record<string, string> = {}, path = '/') =>
  fetchText({ url: `http://${host}${path}`, proxy: client, headers });
const gatewayCall = (gateway: string) => (headers: Record<string, string>, path: string) =>
  fetchText({
    url: `http://127.0.0.1:${edge.portOf(gateway, 80)}${path}`,
    headers: { host: 'same.example', ...headers },
  });
const metrics = async (): Promise<string> =>
  envoyAdmin(
    edge.mesh,
    (await edge.mesh.pod('egress')).name,
    '/stats/prometheus?filter=istio_requests_total',
  );

describe.skipIf(!hasOpenssl)('[DP-19] the way out (needs openssl)', () => {
  it('a sidecar sends an external host to the egress gateway, which sends it on', async () => {
    await until(
      'it gets there',
      async () => (await call('plain.example', { 'x-call': 'one' })).body === 'plain',
    );
    const last = heard.at(-1);
    expect(last?.headers).toMatchObject({ host: 'plain.example', 'x-call': 'one' });
    expect(await metrics()).toMatch(
      /destination_service="plain\\.example"|destination_service="plain.example"/,
    );
  });

  it('mutual TLS to the gateway, TLS of its own from there on', async () => {
    const answer = await until('it gets there', async () => {
      const found = await call('secure.example');
      return found.status === 200 ? found : false;
    });
    expect(answer.body).toBe('secure');
    expect(heard.at(-1)).toMatchObject({ server: 'secure', client: 'URI:spiffe://outside/egress' });
    expect(heard.at(-1)?.headers.host).toBe('secure.example');
  });

  it('the gateway knows who called: the identity and the workload are in its metrics', async () => {
    await until('it is counted', async () =>
      (await metrics())
        .split('\n')
        .some(
          (line) =>
            line.includes('reporter="destination"') &&
            line.includes('source_principal="spiffe://cluster.local/ns/default/sa/client"') &&
            line.includes('source_workload="client"') &&
            line.includes('connection_security_policy="mutual_tls"') &&
            line.includes('destination_service="secure.example"'),
        ),
    );
  });
});

describe.skipIf(!hasOpenssl)('[DP-19] the way out for hosts that only clients name', () => {
  /** TLS of the client's own, all the way. */
  const secret = async (port: number, options: ConnectionOptions = {}) =>
    fetchTls({
      port,
      name: 'any.localhost',
      options: {
        ca: outside.root,
        checkServerIdentity: () => undefined,
        ...own,
        ...options,
      },
    });
  const connections = async (): Promise<number> => {
    const stats = await envoyAdmin(
      edge.mesh,
      (await edge.mesh.pod('egress')).name,
      `/stats?filter=outbound.${ports.secure}.*upstream_cx_total`,
    );
    return Number(/: (\d+)/.exec(stats)?.[1] ?? 0);
  };

  it('HTTP: the request says where to', async () => {
    for (const name of ['one', 'two']) {
      const host = `${name}.localhost:${ports.plain}`;
      await until(`${name} is reached`, async () => (await call(host)).body === 'plain');
      expect(heard.at(-1)?.headers).toMatchObject({ host, 'x-way': 'egress' });
    }
  });

  it('TLS: the server name says where to', async () => {
    expect((await secret(edge.portOf('egress', 8443))).body).toBe('secure');
    expect(heard.at(-1)).toMatchObject({ server: 'secure' });
    await expect(
      fetchTls({
        port: edge.portOf('egress', 8443),
        name: 'www.example',
        options: { rejectUnauthorized: false },
      }),
    ).rejects.toThrow();
  });

  it('TLS: the sidecar sends it to the gateway by its server name', async () => {
    const before = await connections();
    const { status, socket } = await openTunnel(client, `any.localhost:${ports.secure}`);
    expect(status).toBe(200);
    expect((await secret(0, { socket })).body).toBe('secure');
    await until('it went through the gateway', async () => (await connections()) > before);
  });
});

describe.skipIf(!hasOpenssl)('[DP-19] one rule, three places', () => {
  const places = {
    sidecar: (headers: Record<string, string>, path: string) => call('same.example', headers, path),
    ingress: gatewayCall('ingress'),
    egress: gatewayCall('egress'),
  };
  it.each([
    {
      what: 'a fault for one user',
      headers: { 'end-user': 'jason' },
      path: '/',
      expected: [418, undefined, undefined],
    },
    { what: 'a redirect', headers: {}, path: '/old', expected: [301, 'http://same.example/new', undefined] },
    { what: 'a direct answer', headers: {}, path: '/v2?q=1', expected: [207, undefined, undefined] },
    { what: 'the route', headers: {}, path: '/v2?q=2', expected: [200, undefined, 'last'] },
    { what: 'nothing', headers: { 'x-forbidden': '1' }, path: '/', expected: [404, undefined, undefined] },
  ])('$what', async ({ headers, path, expected }) => {
    const decisions: Record<string, unknown> = {};
    for (const [place, ask] of Object.entries(places)) {
      const { status, headers: got }: Answer = await ask(headers as Record<string, string>, path);
      decisions[place] = [status, got.location, got['x-rule']];
    }
    expect(decisions).toEqual({ sidecar: expected, ingress: expected, egress: expected });
  });
});

describe.skipIf(!hasOpenssl)('[DP-19] REGISTRY_ONLY', () => {
  it('leaves the gateway as the only way out', async () => {
    const applied = await edge.mesh.apply(`
apiVersion: v1
kind: ConfigMap
metadata: { name: istio, namespace: istio-system }
data: { mesh: "outboundTrafficPolicy: { mode: REGISTRY_ONLY }" }
`);
    expect([applied.code, applied.stderr]).toEqual([0, expect.anything()]);
    await until('others are blocked', async () => (await call('unknown.example')).status === 502);
    expect((await call('plain.example')).body).toBe('plain');
    expect((await call(`three.localhost:${ports.plain}`)).body).toBe('plain');
    const past = await fetchText({
      url: `http://127.0.0.1:${edge.portOf('egress', 80)}/`,
      headers: { host: 'unknown.example' },
    });
    expect(past.status).toBe(404);
  });
});
