// What policy adds to the CPU of two sidecars. The rule: every variant has its turn in every round, and a round's ratios are taken within it, so that the machine's moods cancel.
import { runLoad } from '../data-plane/load.ts';
import { keepAliveAgent } from '../envoys/requests.ts';
import { pause } from '../measure/clock.ts';
import { percentile, summarize } from '../measure/statistics.ts';
import type { PolicyServiceProcess } from './policy-mesh.ts';
import { type Variant, variants } from './rules.ts';
import { readCounts } from './service-counts.ts';
import type { Sidecars } from './sidecars.ts';

export interface PairResult {
  readonly variant: Variant;
  readonly requests: number;
  readonly failures: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Medians, in cores for 1,000 requests a second. */
  readonly clientCores: number;
  readonly serverCores: number;
  readonly serviceCores: number;
  /** Both proxies, to those of `plain` in the same round: median and quartiles. */
  readonly ratio: Spread;
  /** Calls of the policy service: questions and reported bags. */
  readonly asked: number;
  readonly reported: number;
}

export interface Spread {
  readonly least: number;
  readonly median: number;
  readonly most: number;
}

export interface PairRun {
  readonly sidecars: Sidecars;
  readonly service: PolicyServiceProcess;
  readonly rounds: number;
  readonly seconds: number;
  readonly requestsPerSecond: number;
  readonly onProgress: (what: string) => void;
}

interface Turn {
  readonly requests: number;
  readonly failures: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly client: number;
  readonly server: number;
  readonly service: number;
  readonly asked: number;
  readonly reported: number;
}

const connections = 16;
/** For reports to arrive and connections to be quiet. */
const restMs = 400;

export async function measurePairs(run: PairRun): Promise<readonly PairResult[]> {
  const turns = new Map<Variant, Turn[]>(variants.map((variant) => [variant, []]));
  for (let round = 0; round <= run.rounds; round++) {
    run.onProgress(round === 0 ? 'policy: sidecars warm up' : `policy: round ${round} of ${run.rounds}`);
    for (const variant of inTurn(round)) {
      const turn = await takeTurn(variant, run);
      if (round > 0) turns.get(variant)?.push(turn);
    }
  }
  const plain = turns.get('plain') ?? [];
  return variants.map((variant) => resultOf(variant, turns.get(variant) ?? [], plain));
}

/** Another one begins each time. */
const inTurn = (round: number): readonly Variant[] => {
  const first = round % variants.length;
  return [...variants.slice(first), ...variants.slice(0, first)];
};

async function takeTurn(variant: Variant, run: PairRun): Promise<Turn> {
  const { sidecars, service, seconds, requestsPerSecond } = run;
  const agent = keepAliveAgent(connections);
  const to = sidecars.destination(variant);
  const cpu = () => ({
    client: sidecars.client.usage().cpuSeconds,
    server: sidecars.servers.get(variant)?.usage().cpuSeconds ?? 0,
    service: service.usage().cpuSeconds,
  });
  try {
    // Connections are made before the clock runs.
    await runLoad(to, agent, { requestsPerSecond, seconds: 0.1 });
    await pause(restMs);
    const counts = await readCounts(service.http);
    const before = cpu();
    const { delaysMs, failures } = await runLoad(to, agent, { requestsPerSecond, seconds });
    await pause(restMs);
    const after = cpu();
    const later = await readCounts(service.http);
    const grown = (name: string, label: string): number => later.sum(name, label) - counts.sum(name, label);
    const { p50, p99 } = summarize(delaysMs);
    return {
      ...{ requests: delaysMs.length, failures, p50Ms: p50, p99Ms: p99 },
      client: after.client - before.client,
      server: after.server - before.server,
      service: after.service - before.service,
      asked: grown('xebec_policy_calls_total', 'door="ext-authz"'),
      reported: grown('xebec_policy_reported_bags_total', 'door="access-log"'),
    };
  } finally {
    agent.destroy();
  }
}

const sorted = (values: readonly number[]): readonly number[] =>
  [...values].sort((left, right) => left - right);
const median = (values: readonly number[]): number => percentile(sorted(values), 0.5);
const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

const proxies = ({ client, server, requests }: Turn): number => (client + server) / requests;

function resultOf(variant: Variant, turns: readonly Turn[], plain: readonly Turn[]): PairResult {
  const ratios = sorted(
    turns.flatMap((turn, round) => {
      const base = plain[round];
      return base === undefined ? [] : [proxies(turn) / proxies(base)];
    }),
  );
  const coresOf = (of: (turn: Turn) => number): number =>
    median(turns.map((turn) => (of(turn) / turn.requests) * 1_000));
  return {
    variant,
    requests: sum(turns.map(({ requests }) => requests)),
    failures: sum(turns.map(({ failures }) => failures)),
    p50Ms: median(turns.map(({ p50Ms }) => p50Ms)),
    p99Ms: median(turns.map(({ p99Ms }) => p99Ms)),
    clientCores: coresOf(({ client }) => client),
    serverCores: coresOf(({ server }) => server),
    serviceCores: coresOf(({ service }) => service),
    ratio: {
      least: percentile(ratios, 0.25),
      median: percentile(ratios, 0.5),
      most: percentile(ratios, 0.75),
    },
    asked: sum(turns.map(({ asked }) => asked)),
    reported: sum(turns.map(({ reported }) => reported)),
  };
}
