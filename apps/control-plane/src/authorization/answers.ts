// Answers about policies as programs read them: causes are places in files, and nothing else is left out.
import type { AuthorizationAnswer, ConsideredPolicy, WorkloadAnswer } from '@xebec/mesh';
import type { Cause, ObjectKey } from '@xebec/model';
import { formatOrigin, type Origin } from '@xebec/std';

/** What has been decided, and by whom; null where nobody has. */
interface ShownDecision extends Pick<WorkloadAnswer, 'decision' | 'reason' | 'unknown'> {
  readonly policy: ObjectKey | null;
  /** Counts from 0. */
  readonly rule: number | null;
  /** Whom the policy asks, and why it cannot. */
  readonly provider?: string;
  readonly providerProblem?: string;
  /** `FILE:LINE`, or the object where no file is known. */
  readonly origin: string | null;
}

export interface ShownAnswer extends ShownDecision {
  readonly notes: readonly string[];
  readonly considered: readonly ShownPolicy[];
  readonly workloads: readonly (ShownDecision & { readonly workload: ObjectKey })[];
}

interface ShownPolicy extends Omit<ConsideredPolicy, 'rules'> {
  readonly origin: string;
  readonly rules: readonly (Omit<ConsideredPolicy['rules'][number], 'cause'> & { readonly origin: string })[];
}

export type Locate = (object: ObjectKey, field: string | undefined) => Origin | undefined;

export function shownAnswer(answer: AuthorizationAnswer, locate: Locate): ShownAnswer {
  return {
    ...shownDecision(answer, locate),
    notes: answer.notes,
    considered: answer.considered.map(({ policy, rules, ...rest }) => ({
      policy,
      ...rest,
      origin: placeOf({ object: policy }, locate),
      rules: rules.map(({ cause, ...rule }) => ({ ...rule, origin: placeOf(cause, locate) })),
    })),
    workloads: answer.workloads.map((each) => ({ workload: each.workload, ...shownDecision(each, locate) })),
  };
}

const shownDecision = (
  { decision, reason, unknown, ...by }: WorkloadAnswer,
  locate: Locate,
): ShownDecision => ({
  decision,
  reason,
  policy: by.policy ?? null,
  rule: by.rule ?? null,
  origin: by.cause === undefined ? null : placeOf(by.cause, locate),
  ...(by.provider === undefined ? {} : { provider: by.provider }),
  ...(by.providerProblem === undefined ? {} : { providerProblem: by.providerProblem }),
  unknown,
});

/** `FILE:LINE`, or the object, with its revision where it is of the past. */
export function placeOf({ object, field }: Cause, locate: Locate): string {
  const { column: _column, ...origin } = locate(object, field) ?? { object };
  const { file, revision } = origin;
  return file === undefined && revision !== undefined ? `${object}@${revision}` : formatOrigin(origin);
}
