// Backends of telemetry that are down, slow, or do not read; reports that are tried again; a policy service that is killed. Requests do not notice, memory is bounded, and all that was offered is delivered or counted as lost.
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { Agent } from 'node:http';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { create } from '@bufbuild/protobuf';
import { credentials } from '@grpc/grpc-js';
import { createPolicyClient } from '@xebec/policy-client';
import { ReportResultSchema } from '@xebec/protos/istio/mixer/adapter/model/v1beta1/report_pb';
import { HandleEdgeService } from '@xebec/protos/istio/mixer/template/edge_pb';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type ForwardServer,
  startForwardServer,
} from '../../apps/policy/src/backends/fluentd/testing/forward-server.ts';
import {
  type AdapterServer,
  serve,
  startAdapterServer,
} from '../../apps/policy/src/backends/remote/testing/adapter-server.ts';
import { envoyAdmin } from './support/envoy-admin.ts';
import { fetchText } from './support/http.ts';
import { credentialsOf } from './support/identity.ts';
import { listAt, type Mesh, repositoryFile, startMesh, textAt, until } from './support/mesh.ts';
import { type Sample, sum } from './support/metrics.ts';
import { startMutingRelay } from './support/muting-relay.ts';
import { documents, handler, instance, policyObject, rule } from './support/policy-objects.ts';
import { policyAddress, policyMetrics } from './support/policy-page.ts';
import { type DatagramRecorder, startDatagramRecorder } from './support/recorders/datagram-recorder.ts';
import { type HttpRecorder, startHttpRecorder } from './support/recorders/http-recorder.ts';
import { attributesOf, type OtlpRecorder, startOtlpRecorder } from './support/recorders/otlp-recorder.ts';

/** Handlers that have a queue and a backend elsewhere. */
const families = ['forward', 'collector', 'spans', 'told', 'dots', 'outside'] as const;
/** That wait for one handler, at most. */
const mostQueued = 20_000;

let mesh: Mesh;
let proxy: string;
let fluentd: ForwardServer;
let collector: OtlpRecorder;
let zipkin: HttpRecorder;
let hook: HttpRecorder;
let statsd: DatagramRecorder;
let tracker: AdapterServer;
let isTrackerStuck = false;
let edges = 0;
const agent = new Agent({ keepAlive: true, maxSockets: 4 });

beforeAll(async () => {
  [mesh, fluentd, collector, zipkin, hook, statsd, tracker] = await Promise.all([
    startMesh({ paths: [repositoryFile('tests/e2e/apps/echo')] }),
    startForwardServer(),
    startOtlpRecorder(),
    startHttpRecorder(),
    startHttpRecorder(),
    startDatagramRecorder(),
    startTracker(),
  ]);
  proxy = `${(await mesh.pod('client')).ip}:15001`;
  const applied = await mesh.apply(documents(...telling()));
  expect([applied.code, applied.stderr]).toEqual([0, expect.anything()]);
  await until(
    'each handler delivers',
    async () => {
      await call('/told/ready');
      const counts = await Promise.all(families.map((name) => countsOf(name)));
      return counts.every(({ delivered }) => delivered > 0);
    },
    90_000,
  );
}, 240_000);
afterAll(async () => {
  agent.destroy();
  await mesh?.stop();
  tracker?.kill();
  await Promise.all([fluentd?.close(), statsd?.close(), collector?.leave(), zipkin?.leave(), hook?.leave()]);
}, 60_000);

const startTracker = (): Promise<AdapterServer> =>
  startAdapterServer([
    serve(HandleEdgeService.method.handleEdge, ({ instances }) => {
      if (isTrackerStuck) return new Promise<never>(() => undefined);
      edges += instances.length;
      return create(ReportResultSchema, {});
    }),
  ]);

function telling(): readonly string[] {
  const path = 'request.path | "?"';
  const page = { instanceName: 'count', name: 'once', kind: 'COUNTER', labelNames: ['path'] };
  return [
    instance('entry', 'logentry', { severity: '"info"', variables: { path } }),
    instance('count', 'metric', { value: '1', dimensions: { path } }),
    instance('span', 'tracespan', {
      traceId: 'request.headers["x-b3-traceid"] | "abc"',
      spanId: 'request.headers["x-b3-spanid"] | "abc"',
      spanName: path,
    }),
    instance('edge', 'edge', { sourceWorkloadName: 'source.workload.name | ""' }),
    handler('forward', 'fluentd', { address: fluentd.address }),
    handler('collector', 'opentelemetry', { url: collector.url }),
    handler('spans', 'zipkin', { url: zipkin.url }),
    handler('told', 'webhook', { url: hook.url }),
    handler('dots', 'statsd', { address: statsd.address, metrics: { count: {} } }),
    policyObject('adapter', 'tracker', { templates: ['edge'] }),
    policyObject('handler', 'outside', { adapter: 'tracker', connection: { address: tracker.address } }),
    handler('lines', 'stdio', {
      logStream: 'FILE',
      outputPath: join(mesh.state, 'lines.log'),
      outputAsJson: true,
    }),
    handler('page', 'prometheus', { metrics: [page] }),
    rule('telling', 'request.path.startsWith("/told")', {
      forward: ['entry'],
      collector: ['entry'],
      spans: ['span'],
      told: ['entry'],
      dots: ['count'],
      outside: ['edge'],
    }),
    rule('once', 'request.path.startsWith("/once")', {
      collector: ['entry'],
      lines: ['entry'],
      page: ['count'],
    }),
  ];
}

const call = (path: string) => fetchText({ url: `http://echo${path}`, proxy, agent });

interface Counts {
  readonly delivered: number;
  readonly lost: number;
  readonly queued: number;
}

async function countsOf(name: string, page?: readonly Sample[]): Promise<Counts> {
  const samples = page ?? (await policyMetrics(mesh));
  const of = { handler: `${name}.handler.default` };
  const instances = 'xebec_policy_reported_instances_total';
  return {
    delivered: sum(samples, instances, { ...of, result: 'delivered' }),
    lost: sum(samples, instances, { ...of, result: 'lost' }),
    queued: sum(samples, 'xebec_policy_queued_instances', of),
  };
}

/** What rules sent to each handler, once nothing is on its way. */
const offered = (page: readonly Sample[]): number =>
  sum(page, 'xebec_policy_rule_calls_total', { rule: 'telling.rule.default', outcome: 'matched' });

const requests = 150;

/** Milliseconds of the request in the middle, one after the other; all must be answered well. */
async function medianLatency(): Promise<number> {
  const times: number[] = [];
  for (let index = 0; index < requests; index += 1) {
    const started = performance.now();
    expect((await call(`/told/${index}`)).status).toBe(200);
    times.push(performance.now() - started);
  }
  return times.sort((left, right) => left - right)[requests / 2] ?? 0;
}

const policyPid = (): number =>
  Number(JSON.parse(readFileSync(join(mesh.state, 'run/policy.pid'), 'utf8')).pid);
const memoryMb = (): number =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${policyPid()}/status`, 'utf8'))?.[1]) / 1_024;

/** One report of a program, by HTTP. */
async function report(bags: readonly object[], more: object = {}): Promise<unknown> {
  const answer = await fetch(`http://${await policyAddress(mesh, 'http')}/v1/report`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ bags, ...more }),
    signal: AbortSignal.timeout(30_000),
  });
  return await answer.json();
}
const bagOf = (path: string) => ({ 'destination.namespace': 'default', 'request.path': path });

describe('[F20] a telemetry backend that is down or slow', () => {
  const before = { memory: 0 };

  it('is not noticed by requests', async () => {
    const well = await medianLatency();
    before.memory = memoryMb();
    fluentd.mood = 'deaf';
    collector.mood = 'holds';
    zipkin.mood = 'refuses';
    isTrackerStuck = true;
    await Promise.all([hook.leave(), statsd.close()]);
    const away = await medianLatency();
    // Generous: the machine is shared, and what would wait for a backend would wait for seconds.
    expect(away).toBeLessThan(well * 4 + 20);
  }, 90_000);

  it('[MX-11] holds no more than a bounded queue, and each instance is delivered, waits, or is counted as lost', async () => {
    const bags = Array.from({ length: 500 }, (_, index) => bagOf(`/told/bulk/${index}`));
    const queued: number[] = [];
    for (let batch = 0; batch < 50; batch += 1) {
      expect(await report(bags)).toMatchObject({ accepted: bags.length });
      const page = await policyMetrics(mesh);
      for (const name of families) queued.push((await countsOf(name, page)).queued);
    }
    expect(Math.max(...queued)).toBeLessThanOrEqual(mostQueued);
    await until('all that fail have lost something', async () => {
      const page = await policyMetrics(mesh);
      const all = await Promise.all(families.map((name) => countsOf(name, page)));
      for (const { delivered, lost, queued: waiting } of all)
        expect(delivered + lost + waiting).toBe(offered(page));
      return all.every(({ lost }) => lost > 0);
    });
    expect(memoryMb() - before.memory).toBeLessThan(400);
  }, 120_000);

  it('is told again when it is back', async () => {
    fluentd.mood = 'well';
    collector.mood = 'well';
    zipkin.mood = 'well';
    isTrackerStuck = false;
    await hook.comeBack();
    statsd = await startDatagramRecorder(Number(statsd.address.split(':')[1]));
    const start = await policyMetrics(mesh);
    const at = new Map(
      await Promise.all(families.map(async (name) => [name, await countsOf(name, start)] as const)),
    );
    await until(
      'each delivers, and nothing waits',
      async () => {
        await call('/told/again');
        const page = await policyMetrics(mesh);
        const all = await Promise.all(
          families.map(async (name) => [name, await countsOf(name, page)] as const),
        );
        return all.every(
          ([name, { delivered, queued }]) => queued === 0 && delivered > (at.get(name)?.delivered ?? 0),
        );
      },
      90_000,
    );
    // The last requests may be on their way still.
    await until('all that was offered is accounted for', async () => {
      const page = await policyMetrics(mesh);
      for (const name of families) {
        const { delivered, lost, queued } = await countsOf(name, page);
        if (queued > 0 || delivered + lost !== offered(page)) return false;
      }
      const told = hook.posted.reduce((total, { body }) => total + listAt(body, 'instances').length, 0);
      return (
        told === (await countsOf('told', page)).delivered &&
        edges === (await countsOf('outside', page)).delivered
      );
    });
    const heard = collector.logs().length;
    expect(heard).toBe((await countsOf('collector')).delivered);
  }, 120_000);
});

/** What the three backends have heard of a path. */
async function heardOf(
  path: string,
): Promise<{ readonly stdio: number; readonly page: number; readonly otlp: number }> {
  const lines = readFileSync(join(mesh.state, 'lines.log'), 'utf8').split('\n').filter(Boolean);
  return {
    stdio: lines.filter((line) => textAt(JSON.parse(line), 'path') === path).length,
    page: sum(await policyMetrics(mesh), 'istio_once', { path }),
    otlp: collector.logs().filter(({ attributes }) => attributesOf(attributes)['path'] === path).length,
  };
}
const once = { stdio: 1, page: 1, otlp: 1 };

/** Of a program with a certificate of the mesh. */
async function certified(serviceAccount: string) {
  const { rootsPem, privateKeyPem, certificatesPem } = await credentialsOf(mesh, serviceAccount);
  const [roots, key, chain] = [rootsPem, privateKeyPem, certificatesPem].map((pem) => Buffer.from(pem));
  return credentials.createSsl(roots, key, chain, { checkServerIdentity: () => undefined });
}

describe('[MX-2] telemetry of proxies and of programs', () => {
  beforeAll(async () => {
    collector.posted.length = 0;
    await until('the first line', async () => {
      await call('/once/ready');
      return readFileSync(join(mesh.state, 'lines.log'), 'utf8').includes('/once/ready');
    });
  }, 60_000);

  it('reaches prometheus, stdio and a collector once each', async () => {
    const paths = Array.from({ length: 20 }, (_, index) => `/once/proxy/${index}`);
    for (const path of paths) expect((await call(path)).status).toBe(200);
    for (const path of paths) {
      await until(path, async () => (await heardOf(path)).otlp > 0);
      expect([path, await heardOf(path)]).toEqual([path, once]);
    }
  }, 60_000);

  it('is taken once though it is tried again: curl', async () => {
    const body = JSON.stringify({ bags: [bagOf('/once/curl')], deduplicationId: 'report-of-curl' });
    const url = `http://${await policyAddress(mesh, 'http')}/v1/report`;
    const parameters = ['-sS', '-m', '20', '-H', 'content-type: application/json', '-d', body, url];
    const answers: unknown[] = [];
    for (let attempt = 0; attempt < 3; attempt += 1) {
      const { stdout } = await promisify(execFile)('curl', parameters, { timeout: 30_000 });
      answers.push(JSON.parse(stdout));
    }
    expect(answers).toEqual([
      { accepted: 1, droppedAttributes: 0 },
      { accepted: 1, droppedAttributes: 0, isRepeated: true },
      { accepted: 1, droppedAttributes: 0, isRepeated: true },
    ]);
    await until('it is told', async () => (await heardOf('/once/curl')).otlp > 0);
    expect(await heardOf('/once/curl')).toEqual(once);
  }, 60_000);

  it('is taken once though the answer was lost and the client tried again', async () => {
    const relay = await startMutingRelay(await policyAddress(mesh, 'grpc'));
    const client = createPolicyClient({
      address: relay.address,
      credentials: await certified('trainer'),
      timeoutMs: 10_000,
    });
    client.report(bagOf('/once/first'));
    await client.flush();
    relay.isMute = true;
    client.report(bagOf('/once/unanswered'));
    const flushed = client.flush();
    await until('the service has it', async () => (await heardOf('/once/unanswered')).stdio > 0);
    relay.isMute = false;
    relay.cut();
    await flushed;
    expect(client.counts().reports).toEqual({ sent: 2, lost: 0 });
    await until('it is told', async () => (await heardOf('/once/unanswered')).otlp > 0);
    expect(await heardOf('/once/unanswered')).toEqual(once);
    await client.close();
    await relay.close();
  }, 60_000);

  it('loses no more than what was on its way when the policy service was killed, and tells nothing twice', async () => {
    const told = (): readonly number[] =>
      readFileSync(join(mesh.state, 'lines.log'), 'utf8')
        .split('\n')
        .flatMap((line) => {
          const found = /"\/once\/killed\/(\d+)"/.exec(line)?.[1];
          return found === undefined ? [] : [Number(found)];
        });
    const times: number[] = [];
    const send = async (): Promise<void> => {
      times.push(performance.now());
      expect((await call(`/once/killed/${times.length - 1}`)).status).toBe(200);
    };
    for (let index = 0; index < 50; index += 1) await send();
    await until('all are told', async () => told().length === 50);
    const killed = performance.now();
    process.kill(policyPid(), 'SIGKILL');
    await until(
      'one is told again',
      async () => {
        for (let index = 0; index < 10; index += 1) await send();
        return told().length > 50;
      },
      60_000,
    );
    const isBackAt = performance.now();
    for (let index = 0; index < 50; index += 1) await send();
    const sent = times.length;
    await until('the last is told', async () => told().includes(sent - 1));
    const seen = told();
    expect(new Set(seen).size).toBe(seen.length);
    const lost = times.flatMap((_, index) => (seen.includes(index) ? [] : [index]));
    // Of what was sent while nobody was there, and of nothing else.
    const isInBetween = (time = 0): boolean => time >= killed && time <= isBackAt;
    expect(lost.filter((index) => !isInBetween(times[index]))).toEqual([]);
    // The proxy counts what it handed over, so that what is missing can be told.
    expect((await handedOver()) - seen.length).toBeGreaterThanOrEqual(lost.length);
  }, 120_000);
});

/** Entries of its access log that the application's proxy has handed to its streams. */
async function handedOver(): Promise<number> {
  const { name } = await mesh.pod('echo');
  const stats = await envoyAdmin(mesh, name, '/stats?filter=access_log');
  return Number(/grpc_entries_flushed: (\d+)/.exec(stats)?.[1]);
}
