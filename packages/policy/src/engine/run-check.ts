// The checks of one call: rules whose match holds ask their handlers, all at the same time. Rule: a rule that cannot be decided does what its failure policy says.
import type { AttributeValue } from '../attributes/value.ts';
import type { CompiledAction, CompiledRule } from '../configuration/compiled.ts';
import type { CallSource } from './call-source.ts';
import type { FailurePolicy } from './engine.ts';
import { ask, type EngineParts, matches } from './engine-parts.ts';
import { isAboutDestination } from './named-destination.ts';
import { type ActionVerdict, verdictOf, verdictOfFailure } from './verdicts.ts';

export interface CheckRun {
  readonly source: CallSource;
  readonly failurePolicy?: FailurePolicy | undefined;
  /** The call passes its destination: see `CheckCall`. */
  readonly isPassing?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface CheckAnswer {
  /** In the order of the rules. */
  readonly verdicts: readonly ActionVerdict[];
  /** Rules whose match holds: they may change headers. */
  readonly matched: readonly CompiledRule[];
  /** What named actions gave back: `ACTION.output.FIELD`, by rule. */
  readonly outputs: ReadonlyMap<CompiledRule, ReadonlyMap<string, AttributeValue>>;
}

export async function runChecks(parts: EngineParts, run: CheckRun): Promise<CheckAnswer> {
  const matched: CompiledRule[] = [];
  const pending: Promise<ActionVerdict>[] = [];
  for (const { rule, actions } of parts.index.rulesFor('CHECK', run.source)) {
    if (run.failurePolicy !== undefined && rule.failurePolicy !== run.failurePolicy) continue;
    const answer = matches(rule, run.source);
    if (answer.kind === 'no') continue;
    if (run.isPassing === true && !isAboutDestination(rule.match, run.source)) continue;
    if (answer.kind === 'failed') {
      const [action] = actions;
      if (action !== undefined) pending.push(Promise.resolve(undecided(rule, action, answer.problem)));
      continue;
    }
    matched.push(rule);
    for (const action of actions) pending.push(checkAction(parts, { rule, action }, run));
  }
  const verdicts = await Promise.all(pending);
  count(parts, matched, verdicts);
  return { verdicts, matched, outputs: outputsOf(verdicts) };
}

const undecided = (rule: CompiledRule, action: CompiledAction, problem: string): ActionVerdict => ({
  rule,
  action,
  verdict: verdictOfFailure(rule, { problem, isCallersFault: true }),
  isFailure: true,
});

async function checkAction(
  parts: EngineParts,
  { rule, action }: { rule: CompiledRule; action: CompiledAction },
  { source, signal }: CheckRun,
): Promise<ActionVerdict> {
  const answer = await ask(parts, action, {
    source,
    signal,
    run: (handler, instance, limit) => handler.check?.(instance, limit),
  });
  return { rule, action, ...verdictOf(rule, answer) };
}

/** Each rule counts once a call, whatever number of actions it has. */
function count(
  parts: EngineParts,
  matched: readonly CompiledRule[],
  verdicts: readonly ActionVerdict[],
): void {
  for (const rule of matched) parts.counters.of(rule).matched++;
  const failed = new Set<CompiledRule>();
  const denied = new Set<CompiledRule>();
  for (const { rule, verdict, isFailure } of verdicts) {
    if (isFailure) failed.add(rule);
    if (verdict.status.code !== 0) denied.add(rule);
  }
  for (const rule of failed) parts.counters.of(rule).failed++;
  for (const rule of denied) parts.counters.of(rule).denied++;
}

function outputsOf(verdicts: readonly ActionVerdict[]): CheckAnswer['outputs'] {
  const outputs = new Map<CompiledRule, Map<string, AttributeValue>>();
  for (const { rule, action, verdict } of verdicts) {
    if (verdict.output === undefined || action.name === '') continue;
    const known = outputs.get(rule) ?? new Map<string, AttributeValue>();
    outputs.set(rule, known);
    for (const [field, value] of Object.entries(verdict.output)) {
      known.set(`${action.name}.output.${field}`, value);
    }
  }
  return outputs;
}
