// Where a rule of the policy service is enforced, workload by workload, and why there.
import { policyReferences } from '@xebec/config';
import type { ObjectKey, Workload } from '@xebec/model';
import type { RulePlan } from '@xebec/policy';
import { fail, type Result, succeed } from '@xebec/std';
import type { CheckScene } from './question.ts';

export interface ExplainedRule {
  readonly rule: ObjectKey;
  readonly workloads: readonly {
    readonly workload: Workload;
    /** False: it has no proxy to enforce anything. */
    readonly isEnforced: boolean;
    readonly plans: readonly RulePlan[];
  }[];
}

/** `rule` is NAME or NAME.NAMESPACE of a rule or a QuotaPool. Fails when none of that name speaks for any workload. */
export function explainRule(rule: string, scene: CheckScene): Result<ExplainedRule> {
  const { workloads, acceptances } = scene.mesh;
  const meant = policyReferences(rule, { kind: 'rule', namespace: scene.defaultNamespace }).flatMap(
    ({ namespace, name }): ObjectKey[] => [`rule/${namespace}/${name}`, `QuotaPool/${namespace}/${name}`],
  );
  const all = [...workloads.entries()]
    .map(([, workload]) => workload)
    .sort((left, right) => (left.object < right.object ? -1 : 1))
    .map((workload) => ({ workload, plans: acceptances(workload).plans }));
  const known = new Set(all.flatMap(({ plans }) => plans.map(([key]) => key)));
  const found = meant.find((key) => known.has(key));
  if (found === undefined) {
    const written = meant[0] ?? rule;
    return fail({
      severity: 'error',
      code: 'unknown-rule',
      message: `there is no ${written}, or no workload that it could speak for`,
      remedy: 'name a rule or a QuotaPool by NAME or NAME.NAMESPACE ("xebec get rules -A" lists them)',
    });
  }
  return succeed({
    rule: found,
    workloads: all.flatMap(({ workload, plans }) =>
      plans.flatMap(([key, , placed]) =>
        key === found
          ? [{ workload, isEnforced: workload.isMeshed || workload.isGateway === true, plans: placed }]
          : [],
      ),
    ),
  });
}
