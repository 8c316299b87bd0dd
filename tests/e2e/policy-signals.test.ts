// One burst of requests through real Envoys, and every family of adapters at work on it: who decides is asked about each request once, who is told hears of each once, with what it was.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { create } from '@bufbuild/protobuf';
import { ReportResultSchema } from '@xebec/protos/istio/mixer/adapter/model/v1beta1/report_pb';
import { HandleEdgeService } from '@xebec/protos/istio/mixer/template/edge_pb';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type ForwardServer,
  startForwardServer,
} from '../../apps/policy/src/backends/fluentd/testing/forward-server.ts';
import {
  type RedisServer,
  redisIsInstalled,
  startRedis,
} from '../../apps/policy/src/backends/redisquota/testing/redis-server.ts';
import {
  type AdapterServer,
  serve,
  startAdapterServer,
} from '../../apps/policy/src/backends/remote/testing/adapter-server.ts';
import { fetchText } from './support/http.ts';
import { at, listAt, type Mesh, repositoryFile, startMesh, textAt, until } from './support/mesh.ts';
import { sum } from './support/metrics.ts';
import { documents, handler, instance, policyObject, rule } from './support/policy-objects.ts';
import { policyAddress, policyMetrics } from './support/policy-page.ts';
import { type DatagramRecorder, startDatagramRecorder } from './support/recorders/datagram-recorder.ts';
import { type HttpRecorder, startHttpRecorder } from './support/recorders/http-recorder.ts';
import {
  attributesOf,
  hex,
  type OtlpRecorder,
  startOtlpRecorder,
} from './support/recorders/otlp-recorder.ts';

const many = 40;
const numbers = Array.from({ length: many }, (_, index) => index);
const paths = numbers.map((index) => `/burst/${index}`);
const traceOf = (index: number): string => (index + 1).toString(16).padStart(32, 'a');
const spanOf = (index: number): string => (index + 1).toString(16).padStart(16, 'b');

let mesh: Mesh;
let proxy: string;
let fluentd: ForwardServer;
let statsd: DatagramRecorder;
let dogstatsd: DatagramRecorder;
let collector: OtlpRecorder;
let zipkin: HttpRecorder;
let hook: HttpRecorder;
let opa: HttpRecorder;
let redis: RedisServer | undefined;
let tracker: AdapterServer;
const edges: unknown[] = [];

const sorted = (values: Iterable<unknown>): readonly unknown[] => [...values].sort();
const isOf = (prefix: string): string =>
  `destination.labels["app"] == "echo" && request.path.startsWith("${prefix}")`;
const call = (path: string, headers: Readonly<Record<string, string>> = {}) =>
  fetchText({ url: `http://echo${path}`, proxy, headers });

beforeAll(async () => {
  [mesh, fluentd, statsd, dogstatsd, collector, zipkin, hook, opa, redis] = await Promise.all([
    startMesh({ paths: [repositoryFile('tests/e2e/apps/echo')] }),
    startForwardServer(),
    startDatagramRecorder(),
    startDatagramRecorder(),
    startOtlpRecorder(),
    startHttpRecorder(),
    startHttpRecorder(({ body }) => ({ allow: !asked(body).endsWith('/not-by-hook') })),
    startHttpRecorder(({ body }) => ({
      result: !textAt(body, 'input', 'action', 'path')?.endsWith('/not-by-opa'),
    })),
    redisIsInstalled ? startRedis() : undefined,
  ]);
  tracker = await startAdapterServer([
    serve(HandleEdgeService.method.handleEdge, ({ instances }) => {
      edges.push(...instances);
      return create(ReportResultSchema, {});
    }),
  ]);
  proxy = `${(await mesh.pod('client')).ip}:15001`;
  const applied = await mesh.apply(documents(...deciding(), ...telling()));
  expect([applied.code, applied.stderr]).toEqual([0, expect.anything()]);
  const isTold = async () => {
    await call('/burst/ready');
    return lines().length > 0 && hook.posted.length > 1;
  };
  await until('rules are in force', async () => (await call('/burst/not-by-hook')).status === 403, 60_000);
  await until('reports arrive', isTold, 60_000);
}, 240_000);
afterAll(async () => {
  await mesh?.stop();
  tracker?.kill();
  await Promise.all([fluentd, statsd, dogstatsd, redis].map(async (each) => each?.close()));
  await Promise.all([collector, zipkin, hook, opa].map(async (each) => each?.leave()));
}, 60_000);

const asked = (body: unknown): string => textAt(body, 'instance', 'fields', 'action', 'path') ?? '';

function deciding(): readonly string[] {
  const action = {
    path: 'request.path | ""',
    method: 'request.method | ""',
    service: 'destination.service.name | ""',
    namespace: 'destination.namespace | ""',
  };
  return [
    handler('by-list', 'list', { overrides: ['client'] }),
    instance('caller', 'listentry', { value: 'source.labels["app"] | "nobody"' }),
    handler('by-denier', 'denier', { status: { code: 7, message: 'closed' } }),
    instance('nothing', 'checknothing'),
    handler('by-opa', 'opa', { url: opa.url, checkMethod: 'data.shop.allow' }),
    handler('by-hook', 'webhook', { url: `${hook.url}/decide` }),
    handler('by-role', 'rbac', {
      roles: [{ name: 'reader', rules: [{ services: ['echo'], methods: ['GET'] }] }],
      bindings: [{ role: 'reader', subjects: [{ user: 'cluster.local/ns/default/sa/client' }] }],
    }),
    instance('question', 'authorization', { subject: { user: 'source.principal | ""' }, action }),
    rule('deciding', isOf('/burst'), {
      'by-list': ['caller'],
      'by-opa': ['question'],
      'by-hook': ['question'],
      'by-role': ['question'],
    }),
    rule('closed', isOf('/closed'), { 'by-denier': ['nothing'] }),
    ...counting(),
  ];
}

function counting(): readonly string[] {
  const quotas = ['in-memory', ...(redis === undefined ? [] : ['in-redis'])];
  const limit = (name: string) => ({ name, maxAmount: 1_000_000, validDuration: '3600s' });
  return [
    handler('memory', 'memquota', { quotas: [limit('in-memory')] }),
    ...(redis === undefined
      ? []
      : [
          handler('redis', 'redisquota', {
            redisServerUrl: redis.url,
            connectionPoolSize: 1,
            quotas: [limit('in-redis')],
          }),
          rule('redis', isOf('/burst'), { redis: ['in-redis'] }),
        ]),
    ...quotas.map((name) =>
      instance(name, 'quota', { dimensions: { user: 'request.headers["x-user"] | "-"' } }),
    ),
    rule('memory', isOf('/burst'), { memory: ['in-memory'] }),
    policyObject('QuotaSpec', 'burst', {
      rules: [{ quotas: quotas.map((quota) => ({ quota, charge: 3 })) }],
    }),
    policyObject('QuotaSpecBinding', 'burst', {
      quotaSpecs: [{ name: 'burst' }],
      services: [{ name: 'echo' }],
    }),
  ];
}

function telling(): readonly string[] {
  const who = { source: 'source.workload.name | "?"', path: 'request.path | "?"' };
  const named = { name: 'told_requests' };
  return [
    instance('entry', 'logentry', {
      severity: '"info"',
      timestamp: 'request.time',
      variables: { ...who, code: 'response.code | 0', user: 'request.headers["x-user"] | "-"' },
    }),
    instance('requests', 'metric', { value: '1', dimensions: who }),
    instance('edge', 'edge', {
      timestamp: 'request.time',
      sourceWorkloadNamespace: 'source.workload.namespace | ""',
      sourceWorkloadName: 'source.workload.name | ""',
      sourceOwner: 'source.owner | ""',
      sourceUid: 'source.uid | ""',
      destinationWorkloadNamespace: 'destination.workload.namespace | ""',
      destinationWorkloadName: 'destination.workload.name | ""',
      destinationOwner: 'destination.owner | ""',
      destinationUid: 'destination.uid | ""',
      destinationServiceNamespace: 'destination.service.namespace | ""',
      destinationServiceName: 'destination.service.name | ""',
      contextProtocol: 'context.protocol | ""',
    }),
    handler('graph', 'edges'),
    policyObject('adapter', 'tracker', { templates: ['edge'] }),
    policyObject('handler', 'outside', { adapter: 'tracker', connection: { address: tracker.address } }),
    rule('edges', isOf('/burst/'), { graph: ['edge'], outside: ['edge'] }),
    instance('span', 'tracespan', {
      traceId: 'request.headers["x-b3-traceid"] | ""',
      spanId: 'request.headers["x-b3-spanid"] | ""',
      spanName: 'request.path | ""',
      startTime: 'request.time',
      endTime: 'response.time',
      sourceName: 'source.workload.name | ""',
      destinationName: 'destination.workload.name | ""',
      httpStatusCode: 'response.code | 0',
    }),
    handler('lines', 'stdio', { logStream: 'FILE', outputPath: linesFile(), outputAsJson: true }),
    handler('forward', 'fluentd', { address: fluentd.address }),
    handler('page', 'prometheus', {
      metrics: [
        {
          ...named,
          instanceName: 'requests',
          kind: 'COUNTER',
          labelNames: ['source', 'path'],
        },
      ],
    }),
    handler('dots', 'statsd', {
      address: statsd.address,
      metrics: { requests: { ...named, nameTemplate: '{{.source}}' } },
    }),
    handler('tags', 'dogstatsd', { address: dogstatsd.address, metrics: { requests: named } }),
    handler('collector', 'opentelemetry', { url: collector.url, metrics: { requests: named } }),
    handler('spans', 'zipkin', { url: `${zipkin.url}/api/v2/spans` }),
    handler('told', 'webhook', { url: `${hook.url}/told` }),
    rule('telling', isOf('/burst'), {
      lines: ['entry'],
      forward: ['entry'],
      page: ['requests'],
      dots: ['requests'],
      tags: ['requests'],
      collector: ['entry', 'requests', 'span'],
      spans: ['span'],
      told: ['entry'],
    }),
  ];
}

const linesFile = (): string => join(mesh.state, 'lines.log');

function lines(): readonly Readonly<Record<string, unknown>>[] {
  try {
    const text = readFileSync(linesFile(), 'utf8');
    return text
      .split('\n')
      .filter(Boolean)
      .map((line) => Object(JSON.parse(line)));
  } catch {
    return [];
  }
}

const isOfBurst = (path: unknown): boolean => typeof path === 'string' && /^\/burst\/\d+$/.test(path);

describe('a burst of requests', () => {
  beforeAll(async () => {
    const sent = numbers.map((index) =>
      call(`/burst/${index}`, {
        'x-user': `user-${index % 4}`,
        'x-b3-traceid': traceOf(index),
        'x-b3-spanid': spanOf(index),
      }),
    );
    const statuses = (await Promise.all(sent)).map(({ status }) => status);
    expect(statuses).toEqual(numbers.map(() => 200));
  }, 60_000);

  it('[MX-6] is decided by access lists: opa and webhook are asked about each request once', async () => {
    const seen = {
      opa: opa.posted.map(({ body }) => textAt(body, 'input', 'action', 'path')).filter(isOfBurst),
      hook: hook.posted.map(({ body }) => asked(body)).filter(isOfBurst),
    };
    expect([sorted(seen.opa), sorted(seen.hook)]).toEqual([sorted(paths), sorted(paths)]);
    expect(opa.posted.at(-1)).toMatchObject({
      path: '/v1/data/shop/allow',
      body: {
        input: {
          subject: { user: 'cluster.local/ns/default/sa/client' },
          action: { method: 'GET', service: 'echo', namespace: 'default' },
        },
      },
    });
  });

  it('[MX-6] is refused where one of the access lists says so', async () => {
    const refused = await Promise.all([
      call('/burst/not-by-opa'),
      call('/burst/not-by-hook'),
      fetchText({ url: 'http://echo/burst/not-by-role', proxy, method: 'DELETE' }),
      call('/closed'),
    ]);
    expect(refused.map(({ status }) => status)).toEqual([403, 403, 403, 403]);
    const names = ['by-opa', 'by-hook', 'by-role', 'by-denier'];
    for (const [index, name] of names.entries()) expect(refused[index]?.body).toContain(`${name}.default`);
    await mesh.apply(handler('by-list', 'list', { overrides: ['somebody'] }));
    await until('the list says no', async () =>
      (await call('/burst/not-by-list')).body.includes('by-list.default'),
    );
  });

  it('[MX-6] is logged: stdio and fluentd have each request once', async () => {
    const forwarded = (): readonly Readonly<Record<string, unknown>>[] =>
      fluentd.messages.flatMap(({ entries }) => entries.map(([, record]) => record));
    for (const [what, records] of [
      ['stdio', lines],
      ['fluentd', forwarded],
    ] as const) {
      const ofBurst = () => records().filter(({ path }) => isOfBurst(path));
      await until(`${what} has all`, async () => ofBurst().length >= many);
      expect(sorted(ofBurst().map(({ path }) => path))).toEqual(sorted(paths));
      expect(ofBurst().find(({ path }) => path === '/burst/5')).toMatchObject({
        ...{ source: 'client', code: 200, user: 'user-1' },
      });
    }
    expect(fluentd.messages.every(({ tag }) => tag === 'entry.instance.default')).toBe(true);
  });

  it('[MX-6] is measured: prometheus, statsd, dogstatsd and the collector count each request once', async () => {
    const page = async (path: string) =>
      sum(await policyMetrics(mesh), 'istio_told_requests', { source: 'client', path });
    for (const path of paths) expect([path, await page(path)]).toEqual([path, 1]);
    const ofBurst = (all: readonly string[]) => all.filter((line) => /\/burst\/\d+$/.test(line));
    expect(sorted(ofBurst(dogstatsd.lines))).toEqual(
      sorted(paths.map((path) => `told_requests:1|c|#source:client,path:${path}`)),
    );
    // StatsD has no tags: the name says the caller, and requests of the beginning are among them.
    expect(statsd.lines.length).toBe(dogstatsd.lines.length);
    expect(new Set(statsd.lines)).toEqual(new Set(['told_requests.client:1|c']));
    const points = collector
      .metrics()
      .flatMap(({ name, data }) =>
        name === 'told_requests' && data.case === 'sum' ? data.value.dataPoints : [],
      )
      .map(({ attributes, value }) => ({ ...attributesOf(attributes), count: value.value }))
      .filter((point) => isOfBurst(Reflect.get(point, 'path')));
    expect(sorted(points.map((point) => JSON.stringify(point)))).toEqual(
      sorted(paths.map((path) => JSON.stringify({ source: 'client', path, count: 1 }))),
    );
  });

  it('[MX-6] is traced: zipkin and the collector have one span of each request', async () => {
    const spans = zipkin.posted.flatMap(({ body }) =>
      listAt(body).filter((span) => isOfBurst(textAt(span, 'name'))),
    );
    expect(sorted(spans.map((span) => textAt(span, 'traceId')))).toEqual(sorted(numbers.map(traceOf)));
    expect(spans.find((span) => textAt(span, 'name') === '/burst/7')).toMatchObject({
      id: spanOf(7),
      kind: 'SERVER',
      localEndpoint: { serviceName: 'echo-v1' },
      remoteEndpoint: { serviceName: 'client' },
      tags: { 'http.status_code': '200' },
    });
    const told = collector.spans().filter(({ name }) => isOfBurst(name));
    expect(sorted(told.map(({ traceId }) => hex(traceId)))).toEqual(sorted(numbers.map(traceOf)));
    const one = told.find(({ name }) => name === '/burst/7');
    expect([hex(one?.spanId ?? new Uint8Array()), attributesOf(one?.attributes ?? [])]).toEqual([
      spanOf(7),
      expect.objectContaining({ 'http.response.status_code': 200n, 'peer.service': 'client' }),
    ]);
  });

  it('[MX-6] is told to a program: the webhook and the collector have an entry of each request', async () => {
    const told = hook.posted
      .filter(({ path }) => path === '/told')
      .flatMap(({ body }) =>
        listAt(body, 'instances').map((each) => at(each, 'fields', 'variables', 'path')),
      );
    expect(sorted(told.filter(isOfBurst))).toEqual(sorted(paths));
    const entries = collector.logs().map(({ attributes }) => attributesOf(attributes)['path']);
    expect(sorted(entries.filter(isOfBurst))).toEqual(sorted(paths));
  });

  it('[MX-11] is edges: an adapter outside is told of each, and the graph of them is shown', async () => {
    const graph = async (): Promise<readonly unknown[]> => {
      const { stdout, stderr } = await mesh.xebec(['policy', 'edges', '-o', 'json']);
      expect(stderr).toBe('');
      return listAt(JSON.parse(stdout));
    };
    await until('all are told', async () => {
      const [edge] = await graph();
      return edges.length >= many && at(edge, 'calls') === edges.length;
    });
    const found = await graph();
    expect(found).toMatchObject([
      {
        handler: 'graph.handler.default',
        source: {
          namespace: 'default',
          workload: 'client',
          owner: expect.stringContaining('deployments/client'),
        },
        destination: {
          namespace: 'default',
          workload: 'echo-v1',
          service: 'echo',
          serviceNamespace: 'default',
        },
        protocol: 'http',
        calls: edges.length,
      },
    ]);
    const pod = await mesh.pod('client');
    expect(edges[0]).toMatchObject({
      name: 'edge.instance.default',
      sourceUid: `kubernetes://${pod.name}.default`,
      sourceWorkloadName: 'client',
      destinationServiceName: 'echo',
      contextProtocol: 'http',
      timestamp: { value: { seconds: expect.any(BigInt) } },
    });
    const table = await mesh.xebec(['policy', 'edges', '--namespace', 'default']);
    expect(table.stdout).toMatch(/default\/client +default\/echo-v1 +default\/echo +http +\d+/);
    expect((await mesh.xebec(['policy', 'edges', '-o', 'dot'])).stdout).toContain(
      '"default/client" -> "default/echo-v1"',
    );
    const token = readFileSync(join(mesh.state, 'run/metrics.token'), 'utf8').trim();
    const url = `http://${await policyAddress(mesh, 'http')}/v1/edges`;
    expect((await fetchText({ url })).status).toBe(401);
    const told = await fetchText({ url, headers: { authorization: `Bearer ${token}` } });
    expect(at(JSON.parse(told.body), 'total')).toBe(1);
    const shown = { source: 'default/client', destination: 'default/echo-v1' };
    expect(sum(await policyMetrics(mesh), 'xebec_policy_edge_calls_total', shown)).toBe(edges.length);
  });

  it('[MX-6] is counted by quotas in memory', () => expectUsed('memory/in-memory'));
  it.skipIf(!redisIsInstalled)(
    '[MX-6] is counted by quotas in Redis (skipped where there is no redis-server)',
    () => expectUsed('redis/in-redis'),
  );
});

/** Each of the four users sent a quarter of the burst, and each request cost three. */
async function expectUsed(quota: string): Promise<void> {
  const { stdout } = await mesh.xebec(['quota', 'usage', '-o', 'json']);
  const usages = listAt(JSON.parse(stdout)).filter((each) =>
    textAt(each, 'quota')?.includes(quota.split('/')[1] ?? ''),
  );
  const used = usages
    .filter((each) => textAt(each, 'dimensions', 'user') !== '-')
    .map((each) => [textAt(each, 'dimensions', 'user'), textAt(each, 'used')]);
  expect(sorted(used.map(String))).toEqual([0, 1, 2, 3].map((user) => `user-${user},${(many / 4) * 3}`));
}
