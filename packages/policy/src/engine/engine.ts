// The engine's own face: one compiled configuration that answers calls.

import type { Origin } from '@xebec/std';
import type { DirectResponse, QuotaArguments, QuotaVerdict, Status } from '../adapters/sdk.ts';
import type { AttributeBag, AttributeReference } from '../attributes/value.ts';

export interface CheckCall {
  readonly attributes: AttributeBag;
  /** Quotas asked for beside the check, by name of the quota instance. */
  readonly quotas?: ReadonlyMap<string, QuotaArguments>;
}

export interface HeaderOperation {
  readonly name: string;
  readonly operation: 'REPLACE' | 'REMOVE' | 'APPEND';
  readonly values: readonly string[];
}

/** What one rule did about a call. */
export interface RuleOutcome {
  /** `NAME.rule.NAMESPACE`. */
  readonly rule: string;
  readonly origin?: Origin;
  readonly handler: string;
  readonly status: Status;
}

export interface CheckOutcome {
  readonly status: Status;
  readonly validDurationMs: number;
  readonly validUseCount: number;
  /** All that the outcome depends on: another call with equal ones may use it. */
  readonly references: readonly AttributeReference[];
  readonly requestHeaders: readonly HeaderOperation[];
  readonly responseHeaders: readonly HeaderOperation[];
  readonly directResponse?: DirectResponse;
  readonly quotas: ReadonlyMap<string, QuotaVerdict & { readonly references: readonly AttributeReference[] }>;
  /** Rules that matched, in the order in which they were asked. */
  readonly rules: readonly RuleOutcome[];
}

export interface PolicyEngine {
  readonly revision: number;
  check(call: CheckCall, signal?: AbortSignal): Promise<CheckOutcome>;
  /** Hands bags to the adapters; never throws. Resolves when there is room for more. */
  report(bags: readonly AttributeBag[]): Promise<void>;
  /** A quota by the name of its instance, without a check. */
  allocate(name: string, asked: QuotaArguments, attributes: AttributeBag): Promise<QuotaVerdict>;
  /** Waits until calls under way have ended, then closes handlers that no newer configuration kept. */
  close(): Promise<void>;
}
