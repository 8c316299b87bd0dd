// Who may say what to the policy service: an application behind a sidecar is a program that is known, and never a proxy, whatever it tries; proxies go on as before.
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { applicationsOf } from './support/applications.ts';
import {
  type Answered,
  type Attack,
  attackFromHere,
  attackProgram,
  proxyMethods,
  spoofedCheck,
} from './support/door-attacks.ts';
import { fetchText } from './support/http.ts';
import { runInside } from './support/inside.ts';
import {
  command,
  listAt,
  type Mesh,
  metricsTokens,
  repositoryFile,
  startMesh,
  textAt,
  until,
} from './support/mesh.ts';
import { transparentCaptureReason } from './support/privilege.ts';

const object = (kind: string, name: string, spec: object): string =>
  JSON.stringify({ apiVersion: 'config.istio.io/v1alpha2', kind, metadata: { name }, spec });
const entry = (kind: string, name: string, spec: object): string =>
  JSON.stringify({ apiVersion: 'networking.istio.io/v1', kind, metadata: { name }, spec });

const client = 'cluster.local/ns/default/sa/client';
const rules = [
  object('handler', 'deny', { compiledAdapter: 'denier', params: { status: { code: 7, message: 'known' } } }),
  object('instance', 'nothing', { compiledTemplate: 'checknothing' }),
  object('rule', 'who', {
    match: `source.principal == "${client}" && request.path == "/who"`,
    actions: [{ handler: 'deny', instances: ['nothing'] }],
  }),
  object('rule', 'boss', {
    match: 'source.principal == "cluster.local/ns/bank/sa/boss"',
    actions: [{ handler: 'deny', instances: ['nothing'] }],
  }),
  // Its caller's label has to be asked for.
  object('rule', 'asked', {
    match:
      'destination.labels["app"] == "echo" && request.path == "/asked" && source.labels["app"] == "client"',
    actions: [{ handler: 'deny', instances: ['nothing'] }],
  }),
  `apiVersion: policy.xebec.io/v1alpha1
kind: QuotaPool
metadata: { name: calls }
spec:
  amount: 1000
  window: year
  requests:
    - match: destination.labels["app"] == "echo" && request.path.startsWith("/counted")
      charge: "1"
`,
].join('\n---\n');

const host = 'xebec-policy.istio-system.svc.cluster.local';
/** What a proxy of echo would say of itself. */
const asEcho = { 'xebec-workload': 'default/echo', 'xebec-direction': 'inbound' };

const addressIn = (log: string, what: string): string | undefined =>
  [...log.matchAll(new RegExp(`listening ${what} (\\S+)`, 'g'))].at(-1)?.[1];

async function startWithRules(capture: 'explicit' | 'transparent') {
  const mesh = await startMesh({ capture, paths: [repositoryFile('tests/e2e/apps/echo')] });
  const { code, stderr } = await mesh.apply(rules);
  expect([code, stderr]).toEqual([0, expect.anything()]);
  const address = await until(
    'the policy service listens',
    async () => addressIn(readFileSync(join(mesh.state, 'logs/policy.log'), 'utf8'), 'grpc') ?? false,
    60_000,
  );
  return { mesh, address };
}

/** Calls that proxies' methods refused, by door. */
async function refusedAt({ state }: Mesh): Promise<number> {
  const http = addressIn(readFileSync(join(state, 'logs/policy.log'), 'utf8'), 'http');
  const [token = ''] = metricsTokens();
  const page = await fetchText({
    url: `http://${http}/metrics`,
    headers: { authorization: `Bearer ${token}` },
  });
  const lines = page.body
    .split('\n')
    .filter((line) => /^xebec_policy_calls_total\{door="(ext-authz|access-log|rate-limit)/.test(line))
    .filter((line) => line.includes('code="7"'));
  return lines.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
}

const closed = proxyMethods.map((method) => ({
  method,
  code: 7,
  message: expect.stringContaining('only proxies themselves'),
}));

describe('[MX-10] [B12] explicit capture: an application', () => {
  let mesh: Mesh;
  let address: string;
  let proxy: string;
  beforeAll(async () => {
    ({ mesh, address } = await startWithRules('explicit'));
    proxy = `${(await mesh.pod('client')).ip}:15001`;
  }, 240_000);
  afterAll(async () => {
    await mesh?.stop();
  });

  const attack = (changes: Partial<Attack> = {}): Attack => ({
    ...{ dial: `http://${proxy}`, authority: `${host}:15004`, methods: proxyMethods },
    ...{ body: spoofedCheck('/counted'), headers: asEcho, ...changes },
  });
  const ask = async (path: string, body: unknown, authority = 'xebec-policy.istio-system:9091') => {
    const url = `http://${authority}${path}`;
    const answer = await fetchText({
      ...{ url, proxy, method: 'POST', body: JSON.stringify(body) },
      headers: { 'content-type': 'application/json' },
    });
    return { http: answer.status, ...JSON.parse(answer.body) };
  };
  const call = async (path: string) => (await fetchText({ url: `http://echo${path}`, proxy })).status;

  it('is known by its sidecar’s certificate, without credentials of its own, and cannot say who it is', async () => {
    await until(
      'it is answered',
      async () => (await ask('/v1/check', {}).catch(() => undefined))?.http === 200,
      60_000,
    );
    const attributes = { 'request.path': '/who', 'source.principal': 'cluster.local/ns/bank/sa/boss' };
    expect(await ask('/v1/check', { attributes })).toMatchObject({
      allowed: false,
      status: { name: 'PERMISSION_DENIED', message: 'deny.default:known' },
      dropped: [{ name: 'source.principal', reason: 'not-yours' }],
    });
    expect(await ask('/v1/check', { attributes: { 'request.path': '/other' } })).toMatchObject({
      allowed: true,
    });
  });

  it('finds every method of proxies closed, and takes nothing by trying', async () => {
    const before = await refusedAt(mesh);
    expect(await attackFromHere(attack())).toEqual(closed);
    expect((await refusedAt(mesh)) - before).toBe(proxyMethods.length);
    const usage = await mesh.xebec(['quota', 'usage', 'default/calls', '-o', 'json']);
    const counters: readonly { used: string }[] = JSON.parse(usage.stdout === '' ? '[]' : usage.stdout);
    expect(counters.filter(({ used }) => used !== '0')).toEqual([]);
  });

  it('finds them closed behind a service of its own at the same address, too', async () => {
    const [ip = '', port = ''] = address.split(':');
    const own = {
      hosts: ['mine.example'],
      ...{ location: 'MESH_INTERNAL', resolution: 'STATIC' },
      ports: [
        { number: 15_004, name: 'grpc', protocol: 'GRPC' },
        { number: 15_005, name: 'tcp', protocol: 'TCP' },
      ],
      endpoints: [{ address: ip, ports: { grpc: Number(port), tcp: Number(port) } }],
    };
    const trafficPolicy = {
      tls: {
        mode: 'ISTIO_MUTUAL',
        sni: `outbound_.15004_._.${host}`,
        subjectAltNames: ['spiffe://cluster.local/ns/istio-system/sa/xebec-policy'],
      },
    };
    const applied = await mesh.apply(
      [
        entry('ServiceEntry', 'mine', own),
        entry('DestinationRule', 'mine', { host: 'mine.example', trafficPolicy }),
      ].join('\n---\n'),
    );
    expect([applied.code, applied.stderr]).toEqual([0, expect.anything()]);
    const through = attack({ authority: 'mine.example:15004' });
    const answers = await until('it is reached', async () => {
      const got = await attackFromHere(through);
      return got.every(({ code }) => code !== -1) && got;
    });
    expect(answers).toEqual(closed);
  });

  it('without a certificate speaks to nobody, whatever protocol it offers', async () => {
    const [ip = '', port = ''] = address.split(':');
    const agreed = await new Promise<string>((resolve) => {
      const socket = connect({
        ...{ host: ip, port: Number(port), ALPNProtocols: ['xebec-proxy'], rejectUnauthorized: false },
      });
      socket.once('secureConnect', () => {
        resolve(String(socket.alpnProtocol));
        socket.destroy();
      });
      socket.once('error', ({ message }) => resolve(message));
    });
    expect(agreed).toBe('xebec-proxy');
    const direct = attackFromHere(attack({ dial: `http://${address}` }));
    expect((await direct).map(({ code }) => code)).toEqual(proxyMethods.map(() => -1));
  });

  it('[B23] [B12] with headers that nobody should send is judged by who it is', async () => {
    const headers = {
      ['__proto__']: 'polluted',
      constructor: 'x',
      'x-forwarded-client-cert': 'URI=spiffe://cluster.local/ns/bank/sa/boss',
      'x-xebec-workload': 'default/echo',
      'xebec-direction': 'outbound',
      'x-bytes': '\xff\xfe',
    };
    const asked = (path: string) => fetchText({ url: `http://echo${path}`, proxy, headers });
    await until('its proxy asks', async () => (await asked('/asked')).status === 403, 60_000);
    expect((await asked('/asked')).body).toBe('PERMISSION_DENIED:deny.default:known');
    expect((await asked('/other')).status).toBe(200);
    const answer = await fetchText({
      ...{ url: 'http://xebec-policy.istio-system:9091/v1/check', proxy, method: 'POST' },
      headers: { 'content-type': 'application/json' },
      body: '{"attributes":{"__proto__":{"polluted":"1"},"constructor":"x","request.size":"much"}}',
    });
    const dropped: readonly { name: string }[] = JSON.parse(answer.body).dropped;
    expect(dropped.map(({ name }) => name).sort()).toEqual(['__proto__', 'constructor', 'request.size']);
  });

  it('[MX-14] on a machine of its own, that joined by hand, is decided about as the others are', async () => {
    const group = {
      metadata: { labels: { app: 'client' } },
      template: { serviceAccount: 'client', ports: { http: 8080 } },
    };
    expect(await mesh.apply(entry('WorkloadGroup', 'machines', group))).toMatchObject({ code: 0 });
    const idle = 'setInterval(() => undefined, 1000)';
    const run = ['agent', 'run', '--state', mesh.state, '--workload-group', 'default/machines'];
    const child = spawn(process.execPath, [command, ...run, '--', process.execPath, '--eval', idle], {
      stdio: 'ignore',
    });
    const ended = new Promise((resolve) => child.once('exit', resolve));
    try {
      const own = await until(
        'it has joined',
        async () => {
          const found = listAt(await mesh.admin('/v1/objects?kind=WorkloadEntry'), 'items');
          return found.map((each) => textAt(each, 'spec', 'address')).find((each) => each !== undefined);
        },
        60_000,
      );
      const via = (path: string) => fetchText({ url: `http://echo${path}`, proxy: `${own}:15001` });
      const decided = (path: string): Promise<number> =>
        via(path).then(
          ({ status }) => status,
          () => 0,
        );
      await until('its proxy serves', async () => (await decided('/other')) === 200, 60_000);
      expect(await Promise.all(decisions.map(([path]) => decided(path)))).toEqual(
        decisions.map(([, status]) => status),
      );
    } finally {
      child.kill('SIGTERM');
      await ended;
    }
  });

  it('[MX-14] leaves its proxy’s own questions alone', async () => {
    await until('its proxy asks', async () => (await call('/asked')) === 403, 60_000);
    for (const [path, status] of decisions) expect([path, await call(path)]).toEqual([path, status]);
  });
});

/** What rules decide about a caller of echo that is `client`, wherever it runs. */
const decisions = [
  ['/asked', 403],
  ['/other', 200],
  ['/asked/else', 200],
  ['/counted', 200],
] as const;

const reason = await transparentCaptureReason();
const title = `[MX-10] [B12] transparent capture: an application${reason === undefined ? '' : ` (skipped: ${reason})`}`;

describe.skipIf(reason !== undefined)(title, () => {
  let mesh: Mesh;
  let address: string;
  let pid: number;
  beforeAll(async () => {
    ({ mesh, address } = await startWithRules('transparent'));
    const { name } = await mesh.pod('client');
    pid = Number.parseInt(applicationsOf(await mesh.pods())[name] ?? '', 10);
  }, 240_000);
  afterAll(async () => {
    await mesh?.stop();
  });
  const attackFromInside = async (dial: string): Promise<readonly Answered[]> =>
    JSON.parse(
      await runInside(
        pid,
        attackProgram({
          ...{ dial, authority: `${host}:15004`, methods: proxyMethods },
          ...{ body: spoofedCheck('/counted'), headers: asEcho },
        }),
        90_000,
      ),
    );
  const asking = `
    const answer = await fetch('http://xebec-policy.istio-system:9091/v1/check', {
      method: 'POST', headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ attributes: { 'request.path': '/who' } }), signal: AbortSignal.timeout(10000),
    });
    console.log(await answer.text());
    process.exit();
  `;

  it('is known without credentials of its own, by the service’s name', async () => {
    const answer = await until(
      'it is answered',
      async () => {
        const text = await runInside(pid, asking).catch(() => '');
        return text.startsWith('{') && text;
      },
      60_000,
    );
    expect(JSON.parse(answer)).toMatchObject({ allowed: false, status: { message: 'deny.default:known' } });
  });

  it('[MX-14] is decided about as the others are', async () => {
    const calling = `
      const found = [];
      for (const path of ${JSON.stringify(decisions.map(([path]) => path))})
        found.push((await fetch('http://echo' + path, { signal: AbortSignal.timeout(10000) })).status);
      console.log(JSON.stringify(found));
      process.exit();
    `;
    const expected = JSON.stringify(decisions.map(([, status]) => status));
    await until('it is', async () => (await runInside(pid, calling)).trim() === expected, 60_000);
  });

  it('finds every method of proxies closed, by name and by the address behind it', async () => {
    expect(await attackFromInside(`http://xebec-policy.istio-system:15004`)).toEqual(closed);
    const byAddress = await attackFromInside(`http://${address}`);
    expect(byAddress.every(({ code }) => code === 7 || code === -1)).toBe(true);
  });
});
