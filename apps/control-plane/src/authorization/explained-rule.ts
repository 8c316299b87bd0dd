// Where a rule is enforced, as programs read it.
import type { ExplainedRule } from '@xebec/mesh';
import type { ObjectKey } from '@xebec/model';
import { type Locate, placeOf } from './answers.ts';

export interface ShownRule {
  readonly rule: ObjectKey;
  readonly origin: string;
  readonly workloads: readonly {
    readonly workload: ObjectKey;
    /** False: it has no proxy. */
    readonly isEnforced: boolean;
    readonly actions: readonly {
      /** Index in `spec.actions`; null: the whole rule. */
      readonly action: number | null;
      readonly where: 'proxy' | 'assignment' | 'call' | 'report' | 'nowhere';
      readonly reason: string;
    }[];
  }[];
}

export const shownRule = ({ rule, workloads }: ExplainedRule, locate: Locate): ShownRule => ({
  rule,
  origin: placeOf({ object: rule }, locate),
  workloads: workloads.map(({ workload, isEnforced, plans }) => ({
    workload: workload.object,
    isEnforced,
    actions: plans.map(({ action, where, reason }) => ({ action: action ?? null, where, reason })),
  })),
});
