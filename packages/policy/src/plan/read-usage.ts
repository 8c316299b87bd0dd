// Whether rules ask what an answer of a language model cost: only then proxies look into bodies.
import type { ResolvedRule } from './plan-rule.ts';
import { textsOf } from './rule-texts.ts';

const usage = /\bresponse\.(input_|output_)?tokens\b/;

/** In either language; a text that only looks so costs a filter and nothing else. */
export function readsUsage(rules: Iterable<ResolvedRule>): boolean {
  for (const rule of rules) for (const text of textsOf(rule)) if (usage.test(text)) return true;
  return false;
}
