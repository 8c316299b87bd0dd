// The public surface of policy-client.
export type { AttributeInput, AttributesInput, Milliseconds } from './attributes.ts';
export type { CallResult } from './connection.ts';
export {
  type CheckOptions,
  type CheckResult,
  type ClientCounts,
  createPolicyClient,
  type PolicyClient,
  type PolicyClientOptions,
  type QuotaInput,
  type WhenUnavailable,
} from './policy-client.ts';
export type { PrefetchLimits } from './prefetched-quota.ts';
export type { ReportCounts, ReportLimits } from './report-queue.ts';
