// What an evaluation costs: npx tsx --conditions=source packages/policy/bench/expression-bench.ts
import { compileExpression, istioVocabulary, RecordingSource, sourceOf } from '../src/index.ts';

const bag = new Map<string, string | bigint | ReadonlyMap<string, string>>([
  [
    'request.headers',
    new Map([
      ['user-agent', 'curl/8'],
      ['x-user', 'ann'],
    ]),
  ],
  ['request.method', 'GET'],
  ['request.path', '/reviews/1'],
  ['request.size', 20n],
  ['destination.service.host', 'reviews.default.svc.cluster.local'],
]);

const host = 'destination.service.host == "reviews.default.svc.cluster.local"';
const expressions = {
  istio: [
    `${host} && match(request.headers["user-agent"] | "", "curl*") && request.size < 100`,
    '(request.headers["x-user"] | source.user | "nobody") == "ann"',
    '"^/reviews/[0-9]+$".matches(request.path)',
  ],
  cel: [
    `${host} && match(request.headers['user-agent'], 'curl*') && request.size < 100`,
    "request.method in ['GET', 'HEAD'] && request.path.startsWith('/reviews')",
    "request.headers.exists(name, name == 'x-user') && request.size + 1 < 100",
  ],
};

/** Nanoseconds of one call. */
function timeOf(call: () => void, times: number): number {
  for (let index = 0; index < times / 10; index += 1) call();
  const start = process.hrtime.bigint();
  for (let index = 0; index < times; index += 1) call();
  return Math.round(Number(process.hrtime.bigint() - start) / times);
}

for (const language of ['istio', 'cel'] as const) {
  for (const text of expressions[language]) {
    const compiled = compileExpression(text, { vocabulary: istioVocabulary, language });
    if (!compiled.ok) throw new Error(compiled.diagnostics[0]?.message);
    const plain = sourceOf(bag);
    const ns = timeOf(() => compiled.value.evaluate(plain), 200_000);
    const recordedNs = timeOf(() => compiled.value.evaluate(new RecordingSource(bag)).ok, 100_000);
    console.log(`${language.padEnd(5)} ${ns} ns, ${recordedNs} ns with references  ${text}`);
  }
}
