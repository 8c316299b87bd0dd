// All texts of a rule that may be expressions: its match, and what its instances are made of.
import type { ResolvedRule } from './plan-rule.ts';

export function* textsOf({ spec, actions }: ResolvedRule): Iterable<string> {
  yield spec.match;
  for (const { instances } of actions) {
    for (const instance of instances) if (instance.phase !== 'UNKNOWN') yield* textsIn(instance.spec.params);
  }
}

function* textsIn(value: unknown): Iterable<string> {
  if (typeof value === 'string') yield value;
  if (typeof value === 'object' && value !== null)
    for (const part of Object.values(value)) yield* textsIn(part);
}
