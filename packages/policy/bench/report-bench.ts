// How many bags a second one core turns into metrics: `npx tsx packages/policy/bench/report-bench.ts`.
import type { Adapter } from '../src/adapters/sdk.ts';
import { bag, engineOf, handler, instance, rule } from '../src/testing/test-engine.ts';

let taken = 0;
const sink: Adapter = {
  name: 'sink',
  description: 'counts',
  templates: ['metric'],
  parse: () => ({ ok: true, value: undefined, warnings: [] }),
  build: () => ({
    report: (instances) => {
      taken += instances.length;
    },
  }),
};

const objects = [
  handler({ name: 'h' }, 'sink'),
  instance({ name: 'requests' }, 'metric', {
    value: 'response.size | 0',
    dimensions: {
      source: 'source.workload.name | "unknown"',
      destination: 'destination.workload.name | "unknown"',
      version: 'destination.labels["version"] | "unknown"',
      code: 'response.code | 200',
      method: 'request.method | "GET"',
    },
  }),
  rule(
    { name: 'r' },
    { match: 'context.reporter.kind == "inbound" && request.method != "HEAD"', send: { h: ['requests'] } },
  ),
];

const bags = Array.from({ length: 1_000 }, (_, index) =>
  bag({
    'context.reporter.kind': 'inbound',
    'request.method': 'GET',
    'response.size': BigInt(index),
    'response.code': 200n,
    'source.workload.name': 'productpage-v1',
    'destination.workload.name': 'reviews-v2',
    'destination.labels': new Map([['version', 'v2']]),
  }),
);

const { engine } = await engineOf(objects, [sink]);
const secondMs = 1_000;
const spanMs = 3_000;
for (let warm = 0; warm < 20; warm++) await engine.report(bags);
taken = 0;
const started = performance.now();
while (performance.now() - started < spanMs) await engine.report(bags);
const elapsed = performance.now() - started;
console.log(`${Math.round((taken / elapsed) * secondMs)} bags/s`, engine.inspect().handlers[0]);
const checks = performance.now();
const count = 50_000;
const [first] = bags;
for (let call = 0; call < count; call++) if (first !== undefined) await engine.check({ attributes: first });
console.log(`${Math.round((count / (performance.now() - checks)) * secondMs)} checks/s without a check rule`);
