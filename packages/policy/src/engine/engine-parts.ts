// What the phases of a call share: the compiled configuration, its handlers and its counters.

import type { Handler } from '../adapters/sdk.ts';
import type {
  BuiltInstance,
  CompiledAction,
  CompiledPolicy,
  CompiledRule,
} from '../configuration/compiled.ts';
import { shortName } from '../configuration/names.ts';
import type { Instance } from '../templates/template.ts';
import type { CallSource } from './call-source.ts';
import type { Answer, HandlerSlot } from './handler-slot.ts';
import type { EngineClock } from './options.ts';
import type { RuleCounters } from './rule-counters.ts';
import type { RuleIndex } from './rule-index.ts';

export interface EngineParts {
  readonly policy: CompiledPolicy;
  readonly index: RuleIndex;
  readonly slots: ReadonlyMap<string, HandlerSlot>;
  readonly counters: RuleCounters;
  readonly clock: EngineClock;
}

export type MatchAnswer =
  | { readonly kind: 'yes' }
  | { readonly kind: 'no' }
  | { readonly kind: 'failed'; readonly problem: string };

const yes: MatchAnswer = { kind: 'yes' };
const no: MatchAnswer = { kind: 'no' };

/** A match that asks for an attribute which is not there does not hold; what fails otherwise is told, also when the attribute is there and nobody can read it. */
export function matches(rule: CompiledRule, source: CallSource): MatchAnswer {
  if (rule.match === undefined) return yes;
  source.takeMissed();
  const result = rule.match.evaluate(source);
  const missed = source.takeMissed();
  if (missed !== undefined) return { kind: 'failed', problem: `match: ${unreadable(missed)}` };
  if (result.ok) return result.value === true ? yes : no;
  return result.isAbsent ? no : { kind: 'failed', problem: `match: ${result.problem}` };
}

export const unreadable = (name: string): string =>
  `${name} is too large, malformed or ambiguous, or its adapter failed`;

/** `NAME.NAMESPACE:MESSAGE`, as callers see what a handler said. */
export const said = (handler: string, message: string): string => `${shortName(handler)}:${message}`;

/** Builds the action's instance and hands it to its handler. `isStrict`: an instance with faults is a failure. */
export async function ask<T>(
  parts: EngineParts,
  action: CompiledAction,
  call: {
    readonly source: CallSource;
    readonly signal?: AbortSignal | undefined;
    run(handler: Handler, instance: Instance, signal: AbortSignal): T | Promise<T> | undefined;
  },
): Promise<Answer<T> & { readonly isCallersFault?: boolean }> {
  const { instance: compiled, problem } = action;
  if (compiled === undefined) return { ok: false, problem: problem ?? 'cannot be used' };
  const slot = parts.slots.get(action.handler);
  if (slot === undefined) return { ok: false, problem: 'there is no such handler' };
  call.source.takeMissed();
  const built: BuiltInstance = compiled.build(call.source);
  const missed = call.source.takeMissed();
  const fault = missed === undefined ? built.faults[0] : unreadable(missed);
  if (fault !== undefined) return { ok: false, problem: fault, isCallersFault: true };
  return slot.call((handler, signal) => call.run(handler, built.instance, signal), call.signal);
}
