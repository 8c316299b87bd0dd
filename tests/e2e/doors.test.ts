// The control plane's own doors: who gets in, what they see there, and what nobody is told.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type DiscoveryClient, openDiscovery, types } from './support/discovery-client.ts';
import { type Credentials, credentialsOf, joinToken } from './support/identity.ts';
import { type Mesh, repositoryFile, startMesh, textAt, until } from './support/mesh.ts';

let mesh: Mesh;
let xds: string;
let client: Credentials;
beforeAll(async () => {
  mesh = await startMesh({ paths: [repositoryFile('tests/e2e/apps/echo')] });
  xds = textAt(JSON.parse(readFileSync(join(mesh.state, 'run/mesh.json'), 'utf8')), 'xds') ?? '';
  client = await credentialsOf(mesh, 'client');
  const applied = await mesh.apply(vault());
  expect(applied.code, applied.stderr).toBe(0);
}, 240_000);
afterAll(() => mesh?.stop());

/** A namespace with services that nobody else is to know, and with a key. */
function vault(): string {
  const place = mkdtempSync(join(tmpdir(), 'xb-doors-'));
  const [key, chain] = [join(place, 'key.pem'), join(place, 'chain.pem')];
  execFileSync(
    'openssl',
    [
      ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'],
      ...['-keyout', key, '-out', chain, '-days', '2', '-subj', '/CN=vault.example'],
    ],
    { stdio: 'ignore', timeout: 30_000, killSignal: 'SIGKILL' },
  );
  const data = [
    ['tls.key', key],
    ['tls.crt', chain],
  ].map(([name, file]) => `  ${name}: ${readFileSync(file ?? '').toString('base64')}`);
  rmSync(place, { recursive: true });
  return `
apiVersion: v1
kind: Secret
metadata: { name: vault-cert, namespace: vault }
type: kubernetes.io/tls
data:
${data.join('\n')}
---
apiVersion: v1
kind: Service
metadata: { name: ledger, namespace: vault, annotations: { networking.istio.io/exportTo: "." } }
spec: { selector: { app: ledger }, ports: [{ name: http, port: 80 }] }
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: hidden, namespace: vault }
spec:
  hosts: [hidden.vault.example]
  exportTo: ["."]
  ports: [{ number: 80, name: http, protocol: HTTP }]
  resolution: STATIC
  endpoints: [{ address: 127.99.88.77 }]
---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: { name: vault, namespace: vault }
spec:
  selector: { app: vault-gateway }
  servers:
  - { port: { number: 8443, name: https, protocol: HTTPS }, hosts: [vault.example], tls: { mode: SIMPLE, credentialName: vault-cert } }
`;
}

interface Said {
  readonly namespace?: string;
  readonly serviceAccount?: string;
  readonly pod?: string;
  readonly role?: 'sidecar' | 'router';
  readonly metadata?: Readonly<Record<string, unknown>>;
}

interface Node {
  readonly id: string;
  readonly metadata: Readonly<Record<string, unknown>>;
}

function nodeOf({
  namespace = 'default',
  serviceAccount = 'client',
  pod = 'probe',
  role,
  metadata,
}: Said): Node {
  return {
    id: `${role ?? 'sidecar'}~127.127.1.1~${pod}.${namespace}~${namespace}.svc.cluster.local`,
    metadata: { NAMESPACE: namespace, SERVICE_ACCOUNT: serviceAccount, NAME: pod, ...metadata },
  };
}

const open = (node: Node, certificate: Credentials = client): DiscoveryClient =>
  openDiscovery({ address: xds, rootsPem: client.rootsPem, certificate, node });

async function refusalOf(node: Node, certificate = client): Promise<string> {
  using stream = open(node, certificate);
  void stream.ask(types.cluster).catch(() => undefined);
  const { code, details } = await stream.ended;
  return `${code} ${details}`;
}

describe('[AU-3] [RELIABILITY B06] [RELIABILITY B18] who says to be somebody else', () => {
  it('is refused for another namespace, service account, or name of a Pod that is not its own', async () => {
    const echo = await mesh.pod('echo');
    expect(await refusalOf(nodeOf({ namespace: 'vault' }))).toMatch(/^7 .*does not match/);
    expect(await refusalOf(nodeOf({ serviceAccount: 'echo' }))).toMatch(/^7 .*does not match/);
    // The namespace of the metadata is its own, that of the id is not.
    const id = 'sidecar~127.127.1.1~ledger-1.vault~vault.svc.cluster.local';
    expect(await refusalOf({ ...nodeOf({}), id })).toMatch(/^7 .*not one of the namespace "default"/);
    const grpc = nodeOf({ metadata: { GENERATOR: 'grpc' } });
    expect(await refusalOf({ ...grpc, id })).toMatch(/^7 .*not one of the namespace "default"/);
    expect(await refusalOf(nodeOf({ pod: echo.name }))).toMatch(/^7 .*does not run as/);
  });

  it('does not take over the id of another proxy, and the log says who tried', async () => {
    const echo = await mesh.pod('echo');
    const node = { ...nodeOf({ metadata: { GENERATOR: 'grpc' } }), id: echoId(echo.name, echo.ip) };
    expect(await refusalOf(node)).toMatch(/^7 .*in use by another identity/);
    const { stdout } = await mesh.xebec(['logs', 'control-plane']);
    const line = stdout.split('\n').find((each) => each.includes('in use by another identity'));
    expect(line).toContain('spiffe://cluster.local/ns/default/sa/client');
    expect(line).toContain('[xds-refused]');
  });

  it('gets no certificate and no key that a Gateway names by saying that it is that gateway', async () => {
    const names = ['kubernetes://vault/vault-cert', 'kubernetes://vault-cert', 'kubernetes://default/any'];
    const labels = { app: 'vault-gateway' };
    const rogues = [
      nodeOf({ role: 'router', pod: 'rogue', metadata: { LABELS: labels } }),
      nodeOf({ role: 'sidecar', pod: 'rogue-2', metadata: { LABELS: labels } }),
    ];
    for (const node of rogues) {
      using stream = open(node);
      await stream.ask(types.listener);
      const { resources } = await stream.ask(types.secret, names);
      expect([...resources.values()].join('')).toBe('');
    }
    const own = await credentialsOf(mesh, 'default', { namespace: 'vault' });
    const inside = nodeOf({
      namespace: 'vault',
      serviceAccount: 'default',
      role: 'router',
      metadata: { LABELS: labels },
    });
    using stream = open(inside, own);
    await stream.ask(types.listener);
    const { resources } = await stream.ask(types.secret, names);
    expect([...resources.values()].join('')).toBe('');
  });
});

const echoId = (pod: string, ip: string): string => `sidecar~${ip}~${pod}.default~default.svc.cluster.local`;

describe('[RELIABILITY B18] another namespace', () => {
  it('is not seen: neither by wildcard nor by name, in no type', async () => {
    for (const metadata of [{}, { ON_DEMAND_DISCOVERY: 'true' }, { GENERATOR: 'grpc' }]) {
      using stream = open(nodeOf({ metadata }));
      for (const typeUrl of [types.cluster, types.listener]) {
        const { resources } = await stream.ask(typeUrl);
        expect([...resources].join('\n')).not.toMatch(/ledger|hidden\.vault|127\.99\.88\.77|PRIVATE KEY/);
      }
      for (const [typeUrl, names] of namesOfOthers) {
        const decoys = names.map(decoyOf);
        const { resources } = await stream.ask(typeUrl, names);
        const { resources: unreal } = await stream.ask(typeUrl, decoys);
        // What is there for others is told as what is not there at all.
        const told = [...resources].map((pair) => decoyOf(pair.join(' ')));
        expect(told.sort()).toEqual([...unreal].map((pair) => pair.join(' ')).sort());
      }
    }
  });
});

/** A name of the same length that nobody has. */
const decoyOf = (text: string): string =>
  text.replaceAll('ledger', 'lexger').replaceAll('hidden', 'hixden').replaceAll('vault-cert', 'vaulx-cert');

const namesOfOthers: readonly (readonly [string, readonly string[]])[] = [
  [types.cluster, ['outbound|80||ledger.vault.svc.cluster.local', 'outbound|80||hidden.vault.example']],
  [types.endpoint, ['outbound|80||ledger.vault.svc.cluster.local', 'outbound|80||hidden.vault.example']],
  [types.listener, ['ledger.vault.svc.cluster.local:80', 'hidden.vault.example:80']],
  [types.route, ['outbound|80||hidden.vault.example']],
  [types.virtualHost, ['80/ledger.vault.svc.cluster.local', 'http_proxy/hidden.vault.example:80']],
  [types.secret, ['kubernetes://vault/vault-cert', 'kubernetes://vault-cert']],
];

describe('[RELIABILITY B06] what no client may do', () => {
  it.each([
    ['ids with control characters', { id: 'sidecar~1.2.3.4~a\nb.default~x' }],
    ['ids of no form', { id: 'whatever' }],
    ['metadata of 10 MB', { metadata: { NAMESPACE: 'default', BIG: 'x'.repeat(10_000_000) } }],
    ['metadata beyond the limit', { metadata: { NAMESPACE: 'default', BIG: 'x'.repeat(300_000) } }],
  ])('%s', async (_what, change) => {
    expect(await refusalOf({ ...nodeOf({}), ...change })).toMatch(/^(3|7|8) /);
    await until('others are served', async () => {
      using stream = open(nodeOf({}));
      return (await stream.ask(types.cluster)).resources.size > 0;
    });
  });
});

describe('[AU-3] [RELIABILITY B06] a token instead of a certificate', () => {
  const openWith = (bearerToken: string, node = nodeOf({})) =>
    openDiscovery({ address: xds, rootsPem: client.rootsPem, bearerToken, node });

  it('is its identity, once', async () => {
    const token = await joinToken(mesh, 'client', 'default');
    {
      using stream = openWith(token);
      expect((await stream.ask(types.cluster)).resources.size).toBeGreaterThan(0);
    }
    using again = openWith(token);
    await expect(again.ask(types.cluster)).rejects.toMatchObject({ code: 16 });
  });

  it('is no other identity, and one that nobody issued is none', async () => {
    using other = openWith(await joinToken(mesh, 'echo', 'default'));
    await expect(other.ask(types.cluster)).rejects.toMatchObject({ code: 7 });
    for (const token of ['made-up', 'x'.repeat(20_000)]) {
      using stream = openWith(token);
      await expect(stream.ask(types.cluster)).rejects.toMatchObject({ code: 16 });
    }
  });
});

describe('[RELIABILITY B06] a stream that means harm', () => {
  const extremes: readonly (readonly [string, (stream: DiscoveryClient) => void, number])[] = [
    [
      'names with control characters',
      (stream) => stream.send({ typeUrl: types.cluster, resourceNamesSubscribe: ['a\rb'] }),
      3,
    ],
    [
      '250,000 names',
      (stream) => {
        for (let part = 0; part < 5; part++) {
          const names = Array.from(
            { length: 50_000 },
            (_, i) => `outbound|80||h${part * 50_000 + i}.example`,
          );
          stream.send({ typeUrl: types.cluster, resourceNamesSubscribe: names });
        }
      },
      3,
    ],
    [
      '1,000,000 names at once',
      (stream) => {
        const names = Array.from({ length: 1_000_000 }, (_, i) => `h${i}`);
        stream.send({ typeUrl: types.cluster, resourceNamesSubscribe: names });
      },
      8,
    ],
    [
      'names of 10,000 characters',
      (stream) => stream.send({ typeUrl: types.cluster, resourceNamesSubscribe: ['a'.repeat(10_000)] }),
      3,
    ],
    [
      'another node id',
      (stream) => {
        stream.send({ typeUrl: types.cluster });
        stream.send({ typeUrl: types.cluster, node: { id: 'sidecar~1.2.3.4~other.default~x' } });
      },
      3,
    ],
  ];
  it.each(extremes)('%s: it ends', async (_what, attack, code) => {
    using stream = open(nodeOf({ pod: 'harmful' }));
    attack(stream);
    expect((await stream.ended).code).toBe(code);
    using honest = open(nodeOf({}));
    expect((await honest.ask(types.cluster)).resources.size).toBeGreaterThan(0);
  });

  it('unknown types and nonces that never were change nothing', async () => {
    using stream = open(nodeOf({ pod: 'confused' }));
    stream.send({ typeUrl: 'type.googleapis.com/no.such.Type', resourceNamesSubscribe: ['*'] });
    stream.send({
      typeUrl: types.cluster,
      responseNonce: 'never sent',
      errorDetail: { code: 3, message: 'a\nb' },
    });
    const { resources } = await stream.ask(types.cluster);
    expect(resources.size).toBeGreaterThan(0);
    const { stdout } = await mesh.xebec(['proxy-status']);
    expect(stdout).not.toMatch(/confused.*(refused|rejected)/i);
  });
});
