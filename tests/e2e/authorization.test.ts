// Who may call what, on every protocol, decided by who the caller is proven to be.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { rpcClient } from './support/grpc.ts';
import { accounts, type GuardedMesh, startGuarded } from './support/guarded.ts';
import { fetchText } from './support/http.ts';
import { listAt, type Mesh, textAt, until } from './support/mesh.ts';
import { dial } from './support/tunnel.ts';
import { askOnce } from './support/udp.ts';

let guarded: GuardedMesh;
let mesh: Mesh;
let client: string;
let other: string;
let datagramPort: string;
beforeAll(async () => {
  guarded = await startGuarded();
  ({ mesh, client, stranger: other } = guarded);
  const services = listAt(await mesh.admin('/v1/udp?namespace=default'), 'items');
  const found = services.find((item) => textAt(item, 'name') === 'datagrams');
  datagramPort = String(Reflect.get(Object(found), 'explicitPort'));
}, 240_000);
afterAll(() => guarded?.stop());
afterEach(() => guarded.clear());

const policy: GuardedMesh['policy'] = (...of) => guarded.policy(...of);

const http = async (from: string, path = '/', more: object = {}): Promise<number> =>
  (await fetchText({ url: `http://echo${path}`, proxy: `${from}:15001`, ...more })).status;

async function grpc(from: string): Promise<number> {
  using rpc = rpcClient(`${from}:15001`, 'echo.default.svc.cluster.local:50051');
  return (await rpc.unary('Unary', 'hello')).code;
}

/** What the server that speaks first says to who says nothing; empty when the connection is closed. */
const greeting = (from: string): Promise<string> => dial({ proxy: `${from}:15001`, target: 'echo:9000' });

const tcp = (from: string): Promise<string> =>
  dial({ proxy: `${from}:15001`, target: 'echo:9000', say: 'hello', until: 'hello' });

const udp = async (from: string): Promise<string | undefined> =>
  askOnce(`${from}:${datagramPort}`, 'hello', 2_000);

/** Of HTTP, gRPC, a server that speaks first, and UDP. */
const everything = (from: string) => Promise.all([http(from), grpc(from), greeting(from), udp(from)]);
const taken = [200, 0, 'ready\n', 'hello'];
const refused = [403, 7, '', undefined];

const logOf = async (pod: string): Promise<string> =>
  readFileSync(join(mesh.state, 'logs', (await mesh.pod(pod)).name, 'access.log'), 'utf8');

const toEcho = { selector: { matchLabels: { app: 'echo' } } };

describe('[AU-10] one policy for every protocol', () => {
  it('denies HTTP, gRPC, TCP and UDP alike, by who calls', async () => {
    expect(await everything(other)).toEqual(taken);
    await policy('no-strangers', { action: 'DENY', rules: [{ from: [{ source: accounts('stranger') }] }] });
    expect(await everything(client)).toEqual(taken);
    expect(await everything(other)).toEqual(refused);
    await until('the log of the connection says why', async () =>
      (await logOf('echo-v1'))
        .split('\n')
        .some(
          (line) =>
            line.includes(' UH ') &&
            line.includes('rbac_access_denied_matched_policy[ns[default]-policy[no-strangers]-rule[0]]'),
        ),
    );
  });

  it('allows only who is named', async () => {
    await policy('only-client', { rules: [{ from: [{ source: { serviceAccounts: ['client'] } }] }] });
    expect(await everything(client)).toEqual(taken);
    expect(await everything(other)).toEqual(refused);
    const { ip } = await mesh.pod('echo');
    expect((await fetchText({ url: `http://${ip}:8080/` })).status).toBe(403);
  });

  it('knows addresses and ports of connections', async () => {
    await policy('places', {
      ...toEcho,
      rules: [
        {
          from: [{ source: { ipBlocks: ['127.0.0.0/8'], notIpBlocks: ['10.0.0.0/8'] } }],
          to: [{ operation: { ports: ['9000'] } }],
        },
      ],
    });
    expect([await http(client), await greeting(client), await greeting(other)]).toEqual([
      403,
      'ready\n',
      'ready\n',
    ]);
    await policy('places', {
      ...toEcho,
      action: 'DENY',
      rules: [
        { from: [{ source: { ipBlocks: ['127.0.0.0/8'] } }], to: [{ operation: { ports: ['9000'] } }] },
      ],
    });
    expect([await http(client), await greeting(client), await tcp(other)]).toEqual([200, '', '']);
  });

  it('hears the client first where it takes more than a name or an address of IPv4', async () => {
    await policy('places', {
      ...toEcho,
      action: 'DENY',
      rules: [{ from: [{ source: { ...accounts('stranger'), notIpBlocks: ['fd00::/8'] } }] }],
    });
    expect([await http(other), await tcp(client), await tcp(other)]).toEqual([403, 'ready\nhello', '']);
  });

  it('a rule about HTTP allows nothing on TCP, and denies there what the rest of it says', async () => {
    await policy('get-only', { ...toEcho, rules: [{ to: [{ operation: { methods: ['GET'] } }] }] });
    expect([await http(client), await greeting(client), await tcp(client)]).toEqual([200, '', '']);
    expect(await http(client, '/', { method: 'POST' })).toBe(403);
    await policy('get-only', {
      ...toEcho,
      action: 'DENY',
      rules: [{ from: [{ source: accounts('stranger') }], to: [{ operation: { methods: ['POST'] } }] }],
    });
    expect([await http(other), await greeting(other), await greeting(client)]).toEqual([200, '', 'ready\n']);
  });
});

describe('[AU-6] [AU-7] rules', () => {
  it('name methods, paths, hosts, headers and ports; a refusal says which policy it was', async () => {
    await policy('rules', {
      ...toEcho,
      action: 'DENY',
      rules: [
        { to: [{ operation: { paths: ['/admin*', '/cars/{*}/tires'] } }] },
        { to: [{ operation: { methods: ['DELETE'] } }] },
        { when: [{ key: 'request.headers[x-bad]', values: ['yes*'] }] },
        { to: [{ operation: { hosts: ['other.example'] } }] },
      ],
    });
    expect(await http(client, '/')).toBe(200);
    expect(await http(client, '/admin/x')).toBe(403);
    expect(await http(client, '/cars/1/tires')).toBe(403);
    expect(await http(client, '/cars/1/2/tires')).toBe(200);
    expect(await http(client, '/', { method: 'DELETE' })).toBe(403);
    expect(await http(client, '/', { headers: { 'x-bad': 'yes!' } })).toBe(403);
    expect(await http(client, '/', { headers: { 'x-bad': 'no' } })).toBe(200);
    await until('the log names the rule', async () =>
      (await logOf('echo-v1')).includes(
        'rbac_access_denied_matched_policy[ns[default]-policy[rules]-rule[0]]',
      ),
    );
  });

  it('deny before they allow, for the mesh and for one namespace', async () => {
    await policy('everybody', { rules: [{}] });
    await policy(
      'not-this',
      { action: 'DENY', rules: [{ to: [{ operation: { paths: ['/secret'] } }] }] },
      'istio-system',
    );
    expect(await http(client, '/secret')).toBe(403);
    expect(await http(client, '/')).toBe(200);
    await policy('nobody', {}, 'istio-system');
    expect(await http(client, '/')).toBe(200);
  });

  it('a policy without rules allows nobody', async () => {
    await policy('nobody', {});
    expect([await http(client), await grpc(client), await greeting(client)]).toEqual([403, 7, '']);
  });
});

describe('[AU-7] at a gateway', () => {
  const atEdge = { selector: { matchLabels: { istio: 'ingressgateway' } } };
  const status = async (path = '/', forwardedFor?: string): Promise<number> => {
    const headers = forwardedFor === undefined ? {} : { 'x-forwarded-for': forwardedFor };
    return (await fetchText({ url: `${mesh.ingress}${path}`, headers })).status;
  };

  it('requests are refused before they come in', async () => {
    await policy(
      'edge',
      { ...atEdge, action: 'DENY', rules: [{ to: [{ operation: { paths: ['/private/*'] } }] }] },
      'istio-system',
    );
    expect(await status('/private/x')).toBe(403);
    expect(await status('/public')).toBe(200);
    expect(await http(client, '/private/x')).toBe(200);
  });

  it('an address is the one of the connection, whatever the client says', async () => {
    await policy(
      'edge',
      { ...atEdge, rules: [{ from: [{ source: { remoteIpBlocks: ['10.9.9.9'] } }] }] },
      'istio-system',
    );
    expect(await status('/', '10.9.9.9')).toBe(403);
    await policy(
      'edge',
      {
        ...atEdge,
        rules: [{ from: [{ source: { remoteIpBlocks: ['127.0.0.0/8'], notIpBlocks: ['10.0.0.0/8'] } }] }],
      },
      'istio-system',
    );
    expect(await status('/', '10.9.9.9')).toBe(200);
  });
});
