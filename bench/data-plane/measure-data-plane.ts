// What two sidecars add to a request: the same load in turn over no proxy, the smallest pair, and ours; medians of rounds.
import { type RunningEnvoy, startEnvoy } from '../envoys/envoy-process.ts';
import { type Identities, openIdentities } from '../envoys/identities.ts';
import { keepAliveAgent } from '../envoys/requests.ts';
import { pause } from '../measure/clock.ts';
import { percentile, summarize } from '../measure/statistics.ts';
import { startApp } from './app-process.ts';
import { encodeBareProxy } from './bare-pair.ts';
import { type Load, runLoad } from './load.ts';
import { startMeshPair } from './mesh-pair.ts';
import type { Pair } from './pair.ts';

export interface DataPlaneRun {
  readonly envoyPath: string;
  readonly program: string;
  readonly workDirectory: string;
  readonly rounds: number;
  readonly load: Load;
  readonly onProgress: (what: string) => void;
}

/** Medians over the rounds. */
export interface DataPlaneResult {
  readonly name: string;
  readonly requests: number;
  readonly failures: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Of both proxies together. */
  readonly cpuSecondsPerThousand: number;
  readonly rssBytes: number;
}

interface Round {
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly cpu: number;
  readonly requests: number;
  readonly failures: number;
}

const connections = 16;
const appAddress = '127.30.3.1';

export async function measureDataPlane(run: DataPlaneRun): Promise<readonly DataPlaneResult[]> {
  const closing: (() => unknown)[] = [];
  try {
    const app = await startApp(appAddress);
    closing.push(() => app.close());
    const destination = { address: appAddress, port: app.port };
    const identities = openIdentities(run.workDirectory);
    const bare = await startBarePair(run, identities, destination);
    closing.push(() => bare.close());
    const mesh = await startMeshPair({ ...run, identities, app: destination });
    closing.push(() => mesh.close());
    const host = `${destination.address}:${destination.port}`;
    const direct: Pair = {
      name: 'no proxy',
      to: { ...destination, host },
      envoys: [],
      close: async () => undefined,
    };
    return await takeTurns(run, [direct, bare, mesh]);
  } finally {
    for (const step of closing.reverse()) await step();
  }
}

async function startBarePair(
  run: DataPlaneRun,
  identities: Identities,
  app: { readonly address: string; readonly port: number },
): Promise<Pair> {
  const server = { address: '127.30.4.2', port: 15_006 };
  const client = { address: '127.30.4.1', port: 15_001 };
  const identity = await identities.issue('bench', 'bare');
  const start = (side: 'client' | 'server'): RunningEnvoy =>
    startEnvoy({
      ...{ path: run.envoyPath, name: `bare-${side}`, workDirectory: run.workDirectory },
      bootstrap: (adminSocket) =>
        encodeBareProxy(
          side === 'client' ? { listen: client, next: server } : { listen: server, next: app },
          {
            ...{ side, identity, adminSocket },
          },
        ),
    });
  const envoys = [start('server'), start('client')];
  const close = async (): Promise<void> => {
    for (const envoy of envoys) await envoy.stop();
  };
  try {
    await envoys[0]?.ready('bare_server', 20_000);
    await envoys[1]?.ready('bare_client', 20_000);
  } catch (error) {
    await close();
    throw error;
  }
  return { name: 'smallest pair', to: { ...client, host: 'echo' }, envoys, close };
}

/** Each round gives every pair its turn, so that the machine's moods meet all of them. */
async function takeTurns(run: DataPlaneRun, pairs: readonly Pair[]): Promise<readonly DataPlaneResult[]> {
  const agents = new Map(pairs.map((pair) => [pair, keepAliveAgent(connections)]));
  const rounds = new Map<Pair, Round[]>(pairs.map((pair) => [pair, []]));
  try {
    for (let round = 0; round <= run.rounds; round++) {
      run.onProgress(round === 0 ? 'data plane: warming up' : `data plane: round ${round} of ${run.rounds}`);
      for (const [pair, agent] of agents) {
        const before = cpuOf(pair);
        const { delaysMs, failures } = await runLoad(pair.to, agent, run.load);
        await pause(100);
        const { p50, p99 } = summarize(delaysMs);
        const requests = delaysMs.length;
        const cpu = cpuOf(pair) - before;
        if (round > 0) rounds.get(pair)?.push({ p50Ms: p50, p99Ms: p99, cpu, requests, failures });
      }
    }
  } finally {
    for (const agent of agents.values()) agent.destroy();
  }
  return pairs.map((pair) => resultOf(pair, rounds.get(pair) ?? []));
}

const cpuOf = ({ envoys }: Pair): number => envoys.reduce((sum, envoy) => sum + envoy.usage().cpuSeconds, 0);

const median = (values: readonly number[]): number =>
  percentile(
    [...values].sort((left, right) => left - right),
    0.5,
  );

const resultOf = (pair: Pair, rounds: readonly Round[]): DataPlaneResult => ({
  name: pair.name,
  requests: rounds.reduce((sum, { requests }) => sum + requests, 0),
  failures: rounds.reduce((sum, { failures }) => sum + failures, 0),
  p50Ms: median(rounds.map(({ p50Ms }) => p50Ms)),
  p99Ms: median(rounds.map(({ p99Ms }) => p99Ms)),
  cpuSecondsPerThousand: median(rounds.map(({ cpu, requests }) => (cpu * 1_000) / requests)),
  rssBytes: pair.envoys.reduce((sum, envoy) => sum + envoy.usage().rssBytes, 0),
});
