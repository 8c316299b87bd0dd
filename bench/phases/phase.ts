// One measured phase of a server: what went over the wire, when the sidecars had it, and what it cost.
import { pause } from '../measure/clock.ts';
import type { ProcessUsage } from '../measure/process-usage.ts';
import { type Summary, summarize } from '../measure/statistics.ts';
import type { RunningServer } from '../servers/server-process.ts';
import type { Fleet } from '../sidecars/fleet-process.ts';
import type { Mark, Traffic } from '../sidecars/messages.ts';

export interface PhaseResult {
  readonly name: string;
  readonly repetitions: number;
  /** Milliseconds from the change until one sidecar has it, over all sidecars and repetitions. */
  readonly each: Summary | undefined;
  /** Milliseconds from the change until the last sidecar has it, over the repetitions. */
  readonly all: Summary | undefined;
  /** Sidecars that did not get it in time. */
  readonly missing: number;
  /** Server CPU seconds for one repetition. */
  readonly cpuSeconds: number;
  /** After the phase. */
  readonly rssBytes: number;
  readonly peakRssBytes: number;
  /** Per repetition, to all sidecars together. */
  readonly bytes: number;
  readonly resources: number;
  readonly responses: number;
  /** All repetitions, by resource type. */
  readonly types: Traffic['types'];
  readonly failures: readonly string[];
}

export interface PhaseContext {
  readonly server: RunningServer;
  readonly fleet: Fleet;
  readonly limitMs: number;
}

/** Time without any response after which a change counts as delivered in full. */
const quietMs = 250;

export interface ChangePlan {
  readonly name: string;
  readonly repetitions: number;
  /** Before the clock runs. */
  prepare?(repetition: number): Promise<void>;
  /** What every sidecar must see; none: the change concerns no sidecar. */
  marks(repetition: number): readonly Mark[];
  /** Makes the change; gives its time. */
  change(repetition: number): number;
}

interface Samples {
  readonly each: number[];
  readonly all: number[];
  missing: number;
}

export async function measureChange(context: PhaseContext, plan: ChangePlan): Promise<PhaseResult> {
  const { server, fleet } = context;
  const samples: Samples = { each: [], all: [], missing: 0 };
  const traffic: Traffic[] = [];
  let cpu = 0;
  for (let repetition = 0; repetition < plan.repetitions; repetition++) {
    await plan.prepare?.(repetition);
    await fleet.settle(quietMs, context.limitMs);
    const before = server.usage();
    await once(context, plan, { repetition, samples });
    traffic.push(await fleet.settle(quietMs, context.limitMs));
    cpu += server.usage().cpuSeconds - before.cpuSeconds;
    const problem = server.problem();
    if (problem !== undefined) throw new Error(problem);
  }
  return resultOf(plan, { samples, traffic, cpu, usage: server.usage() });
}

async function once(
  { fleet, limitMs }: PhaseContext,
  plan: ChangePlan,
  { repetition, samples }: { readonly repetition: number; readonly samples: Samples },
): Promise<void> {
  const marks = plan.marks(repetition);
  if (marks.length === 0) {
    plan.change(repetition);
    // Long enough for the change to be read and found to concern nobody; what is sent nevertheless is counted.
    await pause(500);
    return;
  }
  await fleet.expect(marks);
  const atMs = plan.change(repetition);
  const seen = await fleet.awaitExpected(limitMs);
  const delays = seen.atMs.map((time) => time - atMs);
  samples.each.push(...delays);
  samples.missing += seen.missing;
  if (seen.missing === 0) samples.all.push(Math.max(...delays));
}

export function resultOf(
  plan: Pick<ChangePlan, 'name' | 'repetitions'>,
  measured: {
    readonly samples: Samples;
    readonly traffic: readonly Traffic[];
    readonly cpu: number;
    readonly usage: ProcessUsage;
  },
): PhaseResult {
  const { samples, usage } = measured;
  const types = addUp(measured.traffic);
  const total = (field: 'bytes' | 'resources' | 'responses'): number =>
    Object.values(types).reduce((sum, type) => sum + type[field], 0) / plan.repetitions;
  return {
    name: plan.name,
    repetitions: plan.repetitions,
    each: samples.each.length === 0 ? undefined : summarize(samples.each),
    all: samples.all.length === 0 ? undefined : summarize(samples.all),
    missing: samples.missing,
    cpuSeconds: measured.cpu / plan.repetitions,
    rssBytes: usage.rssBytes,
    peakRssBytes: usage.peakRssBytes,
    bytes: total('bytes'),
    resources: total('resources'),
    responses: total('responses'),
    types,
    failures: measured.traffic.flatMap(({ failures }) => failures),
  };
}

function addUp(traffic: readonly Traffic[]): Traffic['types'] {
  const sum: Record<string, { responses: number; resources: number; bytes: number; removed: number }> = {};
  for (const { types } of traffic) {
    for (const [typeUrl, { responses, resources, bytes, removed }] of Object.entries(types)) {
      sum[typeUrl] ??= { responses: 0, resources: 0, bytes: 0, removed: 0 };
      const entry = sum[typeUrl];
      entry.responses += responses;
      entry.resources += resources;
      entry.bytes += bytes;
      entry.removed += removed;
    }
  }
  return sum;
}
