// Micro benchmark: 10,000 services of 10 endpoints through a chain of transforms; prints, asserts nothing.
// Run with: node --expose-gc --import tsx packages/flow/bench/graph.bench.ts
import { createGraph, type Graph } from '../src/index.ts';

const serviceCount = 10_000;
const endpointsPerService = 10;

function build(graph: Graph) {
  const services = graph.source<string, { readonly ns: string; readonly port: number }>('services');
  const endpoints = graph.source<string, { readonly service: string; readonly ip: string }>('endpoints');
  const settings = graph.source<string, string>('settings');
  const byService = graph.index(endpoints, 'byService', ({ service }) => [service]);
  const byNamespace = graph.index(services, 'byNamespace', ({ ns }) => [ns]);
  const all = graph.index(endpoints, 'all', () => ['all']);
  const clusters = graph.derive({
    name: 'clusters',
    from: services,
    reads: { settings },
    fn: ({ ns, port }, key, read) => [[`outbound|${port}||${key}`, `${ns} ${read.settings.get('mtls')}`]],
  });
  const loads = graph.derive({
    name: 'loads',
    from: services,
    reads: { byService },
    fn: ({ port }, key, read) => {
      const ips = read.byService.at(key).map(([, { ip }]) => ip);
      return [[`outbound|${port}||${key}`, ips.join()]];
    },
  });
  const encoded = graph.derive({
    name: 'encoded',
    from: loads,
    reads: { clusters },
    fn: (ips, key, read) => [[key, `${read.clusters.get(key)} ${ips}`]],
  });
  const scopes = graph.derive({
    name: 'scopes',
    from: graph.group(byNamespace),
    fn: (keys, ns) => [[ns, keys.size]],
  });
  return { services, endpoints, settings, all, encoded, scopes };
}

const ms = (since: bigint) => Number(process.hrtime.bigint() - since) / 1e6;
const heapMb = () => {
  globalThis.gc?.();
  return process.memoryUsage().heapUsed / 2 ** 20;
};

function time(what: string, rounds: number, round: (i: number) => void): void {
  for (let i = 0; i < rounds / 5; i += 1) round(i);
  const start = process.hrtime.bigint();
  for (let i = 0; i < rounds; i += 1) round(i + rounds);
  const each = (ms(start) / rounds) * 1000;
  console.log(`${what}: ${each.toFixed(1)} µs`);
}

const heapBefore = heapMb();
const graph = createGraph();
const { services, endpoints, settings } = build(graph);
const ip = (n: number) => `10.${n >> 16}.${(n >> 8) & 255}.${n & 255}`;
const service = (n: number) => `s${n}.default.svc.cluster.local`;
const endpoint = (n: number) => ({ service: service(Math.floor(n / endpointsPerService)), ip: ip(n) });

const boot = process.hrtime.bigint();
graph.transact(() => {
  settings.set('mtls', 'strict');
  for (let s = 0; s < serviceCount; s += 1) services.set(service(s), { ns: `ns${s % 100}`, port: 80 });
  for (let e = 0; e < serviceCount * endpointsPerService; e += 1) endpoints.set(`e${e}`, endpoint(e));
});
console.log(`boot: ${ms(boot).toFixed(0)} ms, heap ${(heapMb() - heapBefore).toFixed(0)} MB`);

time(
  'endpoint value change, also in an anchor of 100,000',
  1000,
  (i) =>
    void graph.transact(() =>
      endpoints.set(`e${(i * 37) % 100_000}`, { ...endpoint((i * 37) % 100_000), ip: ip(i) }),
    ),
);
time(
  'endpoint leaves or comes back, also in an anchor of 100,000',
  1000,
  (i) =>
    void graph.transact(() =>
      i % 2 === 0 ? endpoints.delete('e5000') : endpoints.set('e5000', endpoint(5000)),
    ),
);
time(
  'service port change',
  2000,
  (i) => void graph.transact(() => services.set(service(i % 1000), { ns: `ns${(i % 1000) % 100}`, port: i })),
);
time('setting nobody reads', 2000, (i) => void graph.transact(() => settings.set('idle', String(i))));
time('setting everybody reads', 10, (i) => void graph.transact(() => settings.set('mtls', String(i))));
console.log(graph.runs());
