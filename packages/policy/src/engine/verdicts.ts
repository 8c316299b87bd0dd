// Puts what the rules said about a call together, as Mixer did: the first refusal gives the code, all refusals the message, and the shortest life counts.
import { type CheckVerdict, type DirectResponse, OK, type Status } from '../adapters/sdk.ts';
import type { CompiledAction, CompiledRule } from '../configuration/compiled.ts';
import type { RuleOutcome } from './engine.ts';
import { said } from './engine-parts.ts';
import type { Answer } from './handler-slot.ts';

export interface ActionVerdict {
  readonly rule: CompiledRule;
  readonly action: CompiledAction;
  readonly verdict: CheckVerdict;
  /** Neither the handler nor the instance could say anything; the rule's failure policy did. */
  readonly isFailure: boolean;
}

/** When nothing applies, for a minute. */
export const defaultLife = { validDurationMs: 60_000, validUseCount: 10_000 } as const;

const permissionDenied = 7;
const unavailable = 14;

/** A failure is decided anew for each call. */
const failureLife = { validDurationMs: 0, validUseCount: 1 } as const;

/** What a rule says that could not be asked. */
export function verdictOfFailure(
  rule: CompiledRule,
  failure: { readonly problem: string; readonly isCallersFault: boolean },
): CheckVerdict {
  if (rule.failurePolicy === 'open') return { status: OK, ...failureLife };
  const code = failure.isCallersFault ? permissionDenied : unavailable;
  return { status: { code, message: failure.problem }, ...failureLife };
}

export function verdictOf(
  rule: CompiledRule,
  answer: Answer<CheckVerdict> & { readonly isCallersFault?: boolean },
): { readonly verdict: CheckVerdict; readonly isFailure: boolean } {
  if (answer.ok && isVerdict(answer.value)) return { verdict: answer.value, isFailure: false };
  const problem = answer.ok ? 'gave no verdict' : answer.problem;
  const isCallersFault = !answer.ok && answer.isCallersFault === true;
  return { verdict: verdictOfFailure(rule, { problem, isCallersFault }), isFailure: true };
}

/** Adapters outside may answer anything. */
const isVerdict = (value: CheckVerdict): boolean =>
  Number.isInteger(value?.status?.code) && value.validDurationMs >= 0 && value.validUseCount >= 0;

export interface Combined {
  readonly status: Status;
  readonly validDurationMs: number;
  readonly validUseCount: number;
  readonly directResponse?: DirectResponse;
  readonly rules: readonly RuleOutcome[];
}

/** `verdicts` in the order of the rules. */
export function combine(verdicts: readonly ActionVerdict[]): Combined {
  let life: { validDurationMs: number; validUseCount: number } | undefined;
  let refusal: CheckVerdict | undefined;
  let direct: DirectResponse | undefined;
  const messages: string[] = [];
  for (const { action, verdict } of verdicts) {
    life = {
      validDurationMs: Math.min(verdict.validDurationMs, life?.validDurationMs ?? Number.POSITIVE_INFINITY),
      validUseCount: Math.min(verdict.validUseCount, life?.validUseCount ?? Number.POSITIVE_INFINITY),
    };
    if (verdict.status.code === 0) {
      direct ??= verdict.directResponse;
      continue;
    }
    refusal ??= verdict;
    messages.push(said(action.handler, verdict.status.message));
  }
  const directResponse = refusal === undefined ? direct : refusal.directResponse;
  return {
    status: refusal === undefined ? OK : { code: refusal.status.code, message: messages.join(', ') },
    ...(life ?? defaultLife),
    ...(directResponse === undefined ? {} : { directResponse }),
    rules: verdicts.map(outcomeOf),
  };
}

const outcomeOf = ({ rule, action, verdict }: ActionVerdict): RuleOutcome => ({
  rule: rule.name,
  ...(rule.origin === undefined ? {} : { origin: rule.origin }),
  handler: action.handler,
  status: verdict.status,
});
