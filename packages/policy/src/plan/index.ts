// Where rules are enforced.
export { isAboutDestination } from './about-destination.ts';
export type { Alternatives } from './conditions.ts';
export type { Destination, OutsideService } from './destination.ts';
export {
  type PlannedObject,
  planRule,
  type ResolvedAction,
  type ResolvedInstance,
  type ResolvedRule,
  type RulePlan,
} from './plan-rule.ts';
export { producedBy } from './produced.ts';
export type { AskedQuota } from './quota-forms.ts';
export { readsUsage } from './read-usage.ts';
export { quotaRefusalText, refusalText } from './refusal-text.ts';
export { type ToldHeaders, toldHeadersOf } from './told-headers.ts';
