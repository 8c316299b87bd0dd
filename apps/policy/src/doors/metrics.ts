// What the doors count. No label grows with who calls or what is asked.
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { DropReason } from './attributes/bag-builder.ts';

export type DoorName =
  | 'grpc'
  | 'http'
  | 'mixer'
  | 'ext-authz'
  | 'rate-limit'
  | 'rate-limit-quota'
  | 'access-log'
  | 'otlp-logs';

export interface DoorMetrics {
  /** A call is answered; `code` as of gRPC. */
  countCall(call: {
    readonly door: DoorName;
    readonly method: string;
    readonly code: number;
    readonly seconds: number;
  }): void;
  countDecision(door: DoorName, isAllowed: boolean): void;
  countQuota(door: DoorName, isGranted: boolean): void;
  countDrop(door: DoorName, reason: DropReason): void;
  countBags(door: DoorName, bags: number): void;
  countLostBags(door: DoorName, bags: number): void;
  /** 1 when a stream opens, -1 when it ends. */
  countStream(door: DoorName, difference: 1 | -1): void;
}

const seconds = [0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.05, 0.2, 1, 5];

export function createDoorMetrics(registry: Registry): DoorMetrics {
  const registers = [registry];
  const counter = <Label extends string>(name: string, help: string, labelNames: Label[]) =>
    new Counter({ name, help, labelNames, registers });
  const calls = counter('xebec_policy_calls_total', 'Calls answered, by gRPC status code.', [
    'door',
    'method',
    'code',
  ]);
  const latency = new Histogram({
    name: 'xebec_policy_call_seconds',
    help: 'Time to answer a call.',
    labelNames: ['door', 'method'],
    buckets: seconds,
    registers,
  });
  const decisions = counter('xebec_policy_decisions_total', 'Checks decided.', ['door', 'decision']);
  const quotas = counter('xebec_policy_quota_decisions_total', 'Quotas asked for.', ['door', 'decision']);
  const drops = counter('xebec_policy_dropped_attributes_total', 'Attributes left out of calls.', [
    'door',
    'reason',
  ]);
  const bags = counter('xebec_policy_reported_bags_total', 'Attribute bags taken for reporting.', ['door']);
  const lost = counter('xebec_policy_lost_bags_total', 'Attribute bags that nobody took in time.', ['door']);
  const streams = new Gauge({
    name: 'xebec_policy_streams',
    help: 'Open streams.',
    labelNames: ['door'],
    registers,
  });
  // A line of a metric is looked up once, not at every call.
  const callsOf = remembering((door: DoorName, method: string, code: number) =>
    calls.labels(door, method, String(code)),
  );
  const latencyOf = remembering((door: DoorName, method: string) => latency.labels(door, method));
  const decisionsOf = remembering((door: DoorName, decision: string) => decisions.labels(door, decision));
  return {
    countCall({ door, method, code, seconds: took }) {
      callsOf(door, method, code).inc();
      latencyOf(door, method).observe(took);
    },
    countDecision: (door, isAllowed) => decisionsOf(door, isAllowed ? 'allowed' : 'denied').inc(),
    countQuota: (door, isGranted) => quotas.inc({ door, decision: isGranted ? 'granted' : 'refused' }),
    countDrop: (door, reason) => drops.inc({ door, reason }),
    countBags: (door, many) => bags.inc({ door }, many),
    countLostBags: (door, many) => lost.inc({ door }, many),
    countStream: (door, difference) => streams.inc({ door }, difference),
  };
}

/** Bounded like the labels themselves. */
function remembering<Labels extends readonly (string | number)[], Line>(
  find: (...labels: Labels) => Line,
): (...labels: Labels) => Line {
  const lines = new Map<string, Line>();
  return (...labels) => {
    const key = labels.join(' ');
    const known = lines.get(key);
    if (known !== undefined) return known;
    const line = find(...labels);
    lines.set(key, line);
    return line;
  };
}
