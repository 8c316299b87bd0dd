// Every finding there is: its code, how grave it is, what it means and what to do; one file a subject in catalog/.
// Istio's code where the finding is the same, `XB…` for the mesh's own. docs/reference/analysis.md is written from this table.
import type { FindingRule, Gravity } from './catalog/finding-rule.ts';
import { gateways } from './catalog/gateways.ts';
import { objects } from './catalog/objects.ts';
import { policies } from './catalog/policies.ts';
import { proxies } from './catalog/proxies.ts';
import { routing } from './catalog/routing.ts';
import { services } from './catalog/services.ts';

export type { FindingRule, Gravity } from './catalog/finding-rule.ts';

const all = [...objects, ...routing, ...services, ...gateways, ...proxies, ...policies] as const;

/** By code. */
export const findingRules: readonly FindingRule[] = all.toSorted((a, b) => (a.code < b.code ? -1 : 1));

/** What exactly was found. */
export type Reason = (typeof all)[number]['reasons'][number];

const rulesByReason: ReadonlyMap<string, FindingRule> = new Map(
  findingRules.flatMap((rule) => rule.reasons.map((reason) => [reason, rule] as const)),
);

/** The rule of a reason. */
export const ruleOf = (reason: string): FindingRule | undefined => rulesByReason.get(reason);

/** How grave a reason is. */
export function gravityOf(reason: string): Gravity {
  const rule = ruleOf(reason);
  return rule?.severities?.[reason] ?? rule?.severity ?? 'warning';
}

export const isReason = (text: string): text is Reason => rulesByReason.has(text);
