// Reports at the doors of proxies and of programs: how many bags one core takes, whether any is lost, and how much memory they cost when nobody takes them.
import { proxyProtocol } from '@xebec/policy';
import type { Identity } from '../envoys/identities.ts';
import { nowMs, pause, until } from '../measure/clock.ts';
import type { PolicyServiceProcess } from './policy-mesh.ts';
import { openRawGrpc, type RawGrpc } from './raw-grpc.ts';
import { logMessage, reportMessage } from './report-messages.ts';
import { readCounts } from './service-counts.ts';

export interface ReportResult {
  readonly name: string;
  /** Bags that were sent, taken at the door, delivered by the handler, and lost: the last two are the first. */
  readonly sent: number;
  readonly taken: number;
  readonly delivered: number;
  readonly lost: number;
  readonly perSecond: number;
  /** How many one core of the service would take a second. */
  readonly perCore: number;
  /** Of the service, before and at the most. */
  readonly rssBytes: number;
  readonly mostRssBytes: number;
}

export interface ReportRun {
  readonly service: PolicyServiceProcess;
  /** Issues the identity of a workload of the mesh. */
  readonly issue: (serviceAccount: string) => Promise<Identity>;
  readonly seconds: number;
  /** Of the steady load. */
  readonly perSecond: number;
  readonly onProgress: (what: string) => void;
}

/** Sends messages until the time is over; resolves with the number of bags. */
type Send = (seconds: number) => Promise<number>;

interface Load {
  readonly name: string;
  readonly door: 'access-log' | 'grpc';
  readonly handler: string;
  readonly send: Send;
}

const bagsOfMessage = 100;
const logPath = '/envoy.service.accesslog.v3.AccessLogService/StreamAccessLogs';
const reportPath = '/xebec.policy.v1.Policy/Report';
const settleMs = 30_000;

export async function measureReports(run: ReportRun): Promise<readonly ReportResult[]> {
  const { service, issue, perSecond, seconds } = run;
  const told = openRawGrpc(service.grpc, await issue('told'), proxyProtocol);
  const slow = openRawGrpc(service.grpc, await issue('slow'), proxyProtocol);
  const program = openRawGrpc(service.grpc, await issue('app'));
  const logs = logMessage('told', bagsOfMessage);
  const loads: readonly Load[] = [
    {
      ...{ name: `access log, ${perSecond} bags/s`, door: 'access-log', handler: 'board' },
      send: (time) => sendLogs(told, logs, { seconds: time, perSecond }),
    },
    {
      ...{ name: 'access log, as fast as taken', door: 'access-log', handler: 'board' },
      send: (time) => sendLogs(told, logs, { seconds: time }),
    },
    {
      ...{ name: 'gRPC Report, as fast as taken', door: 'grpc', handler: 'board' },
      send: (time) => sendReports(program, time),
    },
    {
      ...{ name: 'access log, backend is silent', door: 'access-log', handler: 'silent' },
      send: (time) => sendLogs(slow, logMessage('slow', bagsOfMessage), { seconds: time }),
    },
  ];
  try {
    const results: ReportResult[] = [];
    for (const load of loads) {
      run.onProgress(`policy: reports, ${load.name}`);
      results.push(await measureLoad(load, service, seconds));
    }
    return results;
  } finally {
    for (const each of [told, slow, program]) each.close();
  }
}

async function sendLogs(
  client: RawGrpc,
  message: Uint8Array,
  { seconds, perSecond }: { readonly seconds: number; readonly perSecond?: number },
): Promise<number> {
  const stream = client.open(logPath);
  const startMs = nowMs();
  let sent = 0;
  while (nowMs() - startMs < seconds * 1_000) {
    if (perSecond !== undefined && sent >= ((nowMs() - startMs) / 1_000) * perSecond) {
      await pause(1);
      continue;
    }
    await stream.send(message);
    sent += bagsOfMessage;
  }
  await stream.end();
  return sent;
}

const openReports = 4;

async function sendReports(client: RawGrpc, seconds: number): Promise<number> {
  const message = reportMessage(bagsOfMessage);
  const startMs = nowMs();
  let sent = 0;
  const sendUntilOver = async (): Promise<void> => {
    while (nowMs() - startMs < seconds * 1_000) {
      await client.call(reportPath, message);
      sent += bagsOfMessage;
    }
  };
  await Promise.all(Array.from({ length: openReports }, sendUntilOver));
  return sent;
}

const warmUpSeconds = 1;

async function measureLoad(
  { name, door, handler, send }: Load,
  service: PolicyServiceProcess,
  seconds: number,
): Promise<ReportResult> {
  const usage = () => service.usage();
  const read = async () => {
    const counts = await readCounts(service.http);
    const instances = (result: string): number =>
      counts.sum('xebec_policy_reported_instances_total', `handler="${handler}.`, `result="${result}"`);
    return {
      taken: counts.sum('xebec_policy_reported_bags_total', `door="${door}"`),
      ...{ delivered: instances('delivered'), lost: instances('lost') },
      queued: counts.sum('xebec_policy_queued_instances', `handler="${handler}.`),
    };
  };
  /** Nothing waits any more. */
  const settle = (): Promise<boolean> => until(async () => (await read()).queued === 0, settleMs, 100);
  await send(warmUpSeconds);
  await settle();
  const before = { ...(await read()), usage: usage() };
  let mostRssBytes = before.usage.rssBytes;
  const watch = setInterval(() => {
    mostRssBytes = Math.max(mostRssBytes, usage().rssBytes);
  }, 100);
  try {
    const startMs = nowMs();
    const sent = await send(seconds);
    const took = (nowMs() - startMs) / 1_000;
    const { cpuSeconds } = usage();
    await settle();
    const after = await read();
    return {
      ...{ name, sent },
      taken: after.taken - before.taken,
      delivered: after.delivered - before.delivered,
      lost: after.lost - before.lost,
      perSecond: sent / took,
      perCore: sent / (cpuSeconds - before.usage.cpuSeconds),
      ...{ rssBytes: before.usage.rssBytes, mostRssBytes },
    };
  } finally {
    clearInterval(watch);
  }
}
