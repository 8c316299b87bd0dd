// CPU of the server for the first sync of many eager sidecars and for one endpoint change. Run: npx tsx packages/xds/bench/run.ts [services] [sidecars]
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { createGraph, type Source } from '@xebec/flow';
import { CLUSTER, ENDPOINTS, LISTENER, ROUTE } from '../src/roles.ts';
import { createXdsServer } from '../src/server/server.ts';
import type { EncodedResource, ResourceKey } from '../src/types.ts';

const services = Number(process.argv[2] ?? 1_000);
const sidecars = Number(process.argv[3] ?? 100);

const resource = (name: string, bytes: number, version = 0): EncodedResource => ({
  name,
  hash: `${version}`.padStart(16, '0'),
  chunks: [Buffer.alloc(bytes, version)],
  aliases: [],
  needs: [],
  causes: [],
});

const graph = createGraph();
const sources = new Map<string, Source<ResourceKey, EncodedResource>>();
for (const typeUrl of [CLUSTER, ENDPOINTS, LISTENER, ROUTE]) sources.set(typeUrl, graph.source(typeUrl));
const nameOf = (i: number): string => `outbound|80||svc-${i}.ns-${i % 10}.svc.cluster.local`;
graph.transact(() => {
  for (let i = 0; i < services; i++) {
    sources.get(CLUSTER)?.set(`*|${nameOf(i)}`, resource(nameOf(i), 1_200));
    sources.get(ENDPOINTS)?.set(`*|${nameOf(i)}`, resource(nameOf(i), 400));
  }
  sources.get(ROUTE)?.set('*|80', resource('80', 400 * services));
  sources.get(LISTENER)?.set('*|out', resource('out', 2_000));
});

const layers = Object.fromEntries(
  [...sources.keys()].map((typeUrl) => [typeUrl, [{ layer: '*', members: 'all' as const }]]),
);
const server = createXdsServer({
  graph,
  types: [...sources].map(([typeUrl, resources]) => ({ typeUrl, resources })),
  admission: {
    admit: (node) => ({ kind: 'admitted', client: node.id }),
    view: () => ({ layers, onDemand: false, heldNames: {} }),
    candidates: (_, asked) => [asked],
  },
  onEvent: () => {},
});
const bound = await server.bind({ address: '127.0.0.1:0' });
if (!bound.ok) throw new Error('cannot listen');

const cpuMs = (): number => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
};

const worker = fork(
  fileURLToPath(new URL('./clients.ts', import.meta.url)),
  [String(bound.value.port), String(sidecars), String(services)],
  { execArgv: ['--import', 'tsx'] },
);
let received = (): void => {};
let waitingFor = 0;
const complete: Readonly<Record<string, number>> = {
  [CLUSTER]: services,
  [ENDPOINTS]: services,
  [LISTENER]: 1,
  [ROUTE]: 1,
};
worker.on('message', (message: { readonly typeUrl: string; readonly total: number }) => {
  if (message.total >= (complete[message.typeUrl] ?? 0) && --waitingFor === 0) received();
});
const after = (count: number): Promise<void> => {
  waitingFor = count;
  return new Promise((resolve) => {
    received = resolve;
  });
};

let cpu = cpuMs();
let startedMs = performance.now();
await after(4 * sidecars);
const report = (what: string, per: number, unit: string): void => {
  const used = cpuMs() - cpu;
  const elapsed = performance.now() - startedMs;
  const rss = process.memoryUsage().rss / 1_048_576;
  console.log(
    `${what}: ${elapsed.toFixed(1)} ms, ${used.toFixed(1)} CPU-ms (${(used / per).toFixed(2)} per ${unit}), ${rss.toFixed(0)} MB RSS, ${JSON.stringify(server.counters())}`,
  );
};
report(`first sync of ${sidecars} sidecars, ${services} services`, sidecars, 'sidecar');

const ROUNDS = 20;
cpu = cpuMs();
startedMs = performance.now();
for (let round = 1; round <= ROUNDS; round++) {
  const done = after(sidecars);
  graph.transact(() =>
    sources.get(ENDPOINTS)?.set(`*|${nameOf(round)}`, resource(nameOf(round), 400, round)),
  );
  await done;
}
report(`${ROUNDS} endpoint changes`, ROUNDS, 'change');

worker.kill();
await server.close();
