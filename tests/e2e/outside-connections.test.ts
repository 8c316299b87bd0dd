// Connections of a client without redirects to what is outside: through an HTTP proxy's tunnel, by the name of a TLS handshake, and to hosts that have no address.
import { createServer as createHttp } from 'node:http';
import { type AddressInfo, connect, createServer, type Server } from 'node:net';
import { connect as connectTls, createServer as createTlsServer } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hasOpenssl, type OutsideAuthority, openOutsideAuthority } from './support/edge.ts';
import { fetchText } from './support/http.ts';
import { type Mesh, repositoryFile, startMesh, until } from './support/mesh.ts';
import { dial, openTunnel } from './support/tunnel.ts';

let mesh: Mesh;
let proxy: string;
const servers: Server[] = [];

async function listening(server: Server): Promise<number> {
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

/** An HTTP proxy as companies have them: says what it was asked for, into the connection itself. */
function company(): Server {
  const server = createHttp((request, response) => {
    response.writeHead(200).write(`${request.method ?? ''} ${request.headers.host ?? ''}\n`);
    request.resume();
  });
  server.on('connect', (request, socket) => {
    socket.on('error', () => undefined).write('HTTP/1.1 200 OK\r\n\r\n');
    socket.write(`CONNECT ${request.url ?? ''}\n`);
  });
  return server;
}
const greeter = (word: string): Server =>
  createServer((socket) => void socket.on('error', () => undefined).write(`${word}\n`));

const entry = (name: string, port: number, endpoint: number): string => `
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: ${name} }
spec:
  hosts: [${name}.example]
  ports: [{ number: ${port}, name: tcp, protocol: TCP }]
  resolution: STATIC
  endpoints: [{ address: 127.0.0.1, ports: { tcp: ${endpoint} } }]
---`;
const tunnelled = (tunnel: string): string => `
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: company }
spec:
  host: company.example
  trafficPolicy: { tunnel: { ${tunnel} } }
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: far }
spec:
  hosts: [far.example]
  tcp: [{ route: [{ destination: { host: company.example, port: { number: 3128 } } }] }]
`;

/** What a TLS client says first. */
async function captureHello(): Promise<Buffer> {
  const server = createServer();
  const port = await listening(server);
  const client = connectTls({ host: '127.0.0.1', port, servername: 'a.localhost' });
  client.on('error', () => undefined);
  return new Promise((resolve) => {
    server.once('connection', (socket) => {
      socket.once('data', (part) => {
        resolve(part);
        client.destroy();
      });
    });
  });
}

async function apply(yaml: string): Promise<void> {
  const applied = await mesh.apply(yaml);
  expect([applied.code, applied.stderr]).toEqual([0, expect.anything()]);
}

beforeAll(async () => {
  mesh = await startMesh({ paths: [repositoryFile('tests/e2e/apps/connections')] });
  proxy = `${(await mesh.pod('client')).ip}:15001`;
  const ports = await Promise.all([company(), greeter('one'), greeter('two')].map(listening));
  const [inside = 0, one = 0, two = 0] = ports;
  await apply(
    [entry('company', 3128, inside), entry('far', 5432, one), entry('one', 7000, one)].join('') +
      entry('two', 7000, two),
  );
}, 240_000);
afterAll(async () => {
  for (const server of servers) server.close();
  await mesh?.stop();
});

describe('tunnels through an HTTP proxy', () => {
  it.each([
    ['CONNECT', 'targetHost: db.far.example, targetPort: 5432', 'CONNECT db.far.example:5432'],
    ['an address', 'targetHost: "2001:db8::1", targetPort: 9', 'CONNECT [2001:db8::1]:9'],
    ['POST', 'protocol: POST, targetHost: db.far.example, targetPort: 5432', 'POST db.far.example:5432'],
  ])('%s: the proxy is asked for the target, not for what the client named', async (_, fields, asked) => {
    expect(await dial({ proxy, target: 'far.example:5432', say: 'x' })).not.toContain(asked);
    await apply(tunnelled(fields));
    await until('it goes through the tunnel', async () => {
      const answer = await dial({ proxy, target: 'far.example:5432', say: 'x' });
      return answer === `${asked}\n`;
    });
  });

  it('are gone with the rule', async () => {
    expect((await mesh.xebec(['delete', 'virtualservice', 'far'])).code).toBe(0);
    await until(
      'it goes to the host',
      async () => (await dial({ proxy, target: 'far.example:5432' })) === 'one\n',
    );
  });
});

describe.skipIf(!hasOpenssl)('[DP-10] TLS (skipped without openssl)', () => {
  let authority: OutsideAuthority;
  let port = 0;
  /** Answers of a server that says which name it was asked for; `delayMs` passes before the handshake. */
  const shake = async (target: string, servername: string, delayMs = 0): Promise<string> => {
    const { status, socket } = await openTunnel(proxy, target);
    if (status !== 200) return `status ${status}`;
    await new Promise((resolve) => setTimeout(resolve, delayMs));
    const tls = connectTls({ socket, servername, ca: authority.root });
    let text = '';
    tls.on('data', (part: Buffer) => {
      text += part.toString();
    });
    return new Promise((resolve) => {
      tls.on('error', () => resolve('closed')).on('close', () => resolve(text || 'closed'));
    });
  };

  beforeAll(async () => {
    authority = openOutsideAuthority('outside');
    const names = ['a.localhost', 'b.localhost', 'nothing.invalid'];
    const pair = authority.issue(names.map((name) => `DNS:${name}`));
    const server = createTlsServer(pair, (socket) => {
      socket.on('error', () => undefined).end(`heard ${String(socket.servername)}`);
    });
    port = await listening(server);
    await apply(`
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: dynamic }
spec:
  hosts: ["*.localhost", "*.invalid"]
  ports: [{ number: ${port}, name: tls, protocol: TLS }]
  resolution: DYNAMIC_DNS
`);
  });
  afterAll(() => authority?.[Symbol.dispose]());

  it('[DP-19] goes where the name of its handshake resolves to, for hosts that only clients name', async () => {
    expect(await shake(`a.localhost:${port}`, 'a.localhost')).toBe('heard a.localhost');
    expect(await shake(`b.localhost:${port}`, 'b.localhost')).toBe('heard b.localhost');
    expect(await shake(`nothing.invalid:${port}`, 'nothing.invalid')).toBe('closed');
  });

  it('is waited for when it comes late', async () => {
    expect(await shake(`a.localhost:${port}`, 'a.localhost', 500)).toBe('heard a.localhost');
  });

  it('of others than the mesh passes to a port that is TCP', async () => {
    const clientHello = await captureHello();
    const { ip } = await mesh.pod('store-v1');
    const raw = await new Promise<Buffer>((resolve) => {
      const socket = connect(9001, ip, () => {
        socket.write(clientHello);
      });
      socket.once('data', (part) => {
        resolve(part);
        socket.destroy();
      });
      socket.on('close', () => resolve(Buffer.alloc(0)));
    });
    expect(raw.subarray(0, 4).toString()).toBe('v1: ');
  });
});

describe('[MG-8] members of a headless service', () => {
  it('are called by name; the service itself is all of them', async () => {
    await apply(`
apiVersion: v1
kind: Service
metadata: { name: each }
spec: { clusterIP: None, selector: { app: store }, ports: [{ name: http, port: 80, targetPort: 9003 }] }`);
    const versions = async (host: string): Promise<readonly string[]> => {
      const answers = await Promise.all(
        Array.from({ length: 20 }, () => fetchText({ url: `http://${host}/`, proxy })),
      );
      return [...new Set(answers.map(({ body }) => /"version":"(\w+)"/.exec(body)?.[1] ?? body))].sort();
    };
    const [first, second] = [await mesh.pod('store-v1'), await mesh.pod('store-v2')];
    await until('it is known', async () => (await versions('each')).join() === 'v1,v2');
    expect(await versions(`${first.name}.each`)).toEqual(['v1']);
    expect(await versions(`${second.name}.each.default.svc.cluster.local:80`)).toEqual(['v2']);
    expect(await versions(`${second.ip.replaceAll('.', '-')}.each.default`)).toEqual(['v2']);
    const { status } = await fetchText({ url: 'http://nobody.each/', proxy });
    expect(status).toBe(503);
  });

  it('are chosen beside the rules for the service, which hold for them too', async () => {
    const { name } = await mesh.pod('store-v1');
    await apply(`
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: each }
spec:
  hosts: [each]
  http: [{ route: [{ destination: { host: each }, headers: { request: { set: { x-ruled: "yes" } } } }] }]`);
    await until('the rule holds', async () => {
      const { body } = await fetchText({ url: `http://${name}.each/`, proxy });
      return body.includes('"x-ruled":"yes"') && body.includes('"version":"v1"');
    });
  });
});

describe('[MG-8] hosts without an address', () => {
  it('are told apart by name, on the same port', async () => {
    for (const name of ['one', 'two'])
      expect(await dial({ proxy, target: `${name}.example:7000` })).toBe(`${name}\n`);
  });

  it('have an address that is shown and leads to them', async () => {
    const { stdout } = await mesh.xebec(['get', 'serviceentries']);
    for (const name of ['one', 'two']) {
      const address = new RegExp(`^${name} .* (2[45]\\d\\.\\d+\\.\\d+\\.\\d+)`, 'm').exec(stdout)?.[1] ?? '';
      expect(await dial({ proxy, target: `${address}:7000` })).toBe(`${name}\n`);
    }
  });
});
