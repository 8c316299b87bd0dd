// The engine's own face: one compiled configuration that answers calls.

import type { Origin } from '@xebec/std';
import type { DirectResponse, QuotaArguments, QuotaVerdict, Status } from '../adapters/sdk.ts';
import type { AttributeBag, AttributeReference } from '../attributes/value.ts';

export interface CheckCall {
  readonly attributes: AttributeBag;
  /** Quotas asked for beside the check, by name of the quota instance. */
  readonly quotas?: ReadonlyMap<string, QuotaArguments>;
  /** Only rules of that failure policy are asked; absent: all. */
  readonly failurePolicy?: FailurePolicy;
  /** The caller keeps no decisions: what this one depends on is not noted down. */
  readonly isKeptByNobody?: true;
  /** Quotas that the proxy counts by itself, by full name of the instance: the call takes nothing from them. */
  readonly assignedQuotas?: ReadonlySet<string>;
  /** The destination is a gateway that the call only passes: what names no destination is decided where the call ends. */
  readonly isPassing?: true;
}

/** A proxy takes units of a quota beforehand, or gives back what it did not use. */
export interface AssignmentCall {
  /** The instance: `NAME`, `NAME.NAMESPACE` or `NAME.instance.NAMESPACE`. */
  readonly quota: string;
  /** 0 asks without taking, a negative amount gives back; of the others as much is granted as there is. */
  readonly amount: bigint;
  /** What requests of one bucket have in common, with all that is known of their destination. */
  readonly attributes: AttributeBag;
  /** False: whoever calls may take from any quota. */
  readonly isBound: boolean;
}

export type FailurePolicy = 'open' | 'close';

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
  /** The code of the first rule that refused; the message names all that did: `HANDLER.NAMESPACE:MESSAGE`, joined by `, `. */
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

/** What rules and handlers did since they are there; counts survive a change of configuration that leaves them alone. */
export interface EngineReport {
  readonly rules: readonly RuleReport[];
  readonly handlers: readonly HandlerReport[];
}

export interface RuleReport {
  /** `NAME.rule.NAMESPACE`. */
  readonly name: string;
  readonly origin?: Origin;
  readonly failurePolicy: FailurePolicy;
  /** Calls whose `match` held. */
  readonly matched: number;
  /** Calls that a handler of it refused. */
  readonly denied: number;
  /** Calls in which a handler, an instance or the `match` failed. */
  readonly failed: number;
  /** Bags left out by sampling. */
  readonly unsampled: number;
}

export interface HandlerReport {
  /** `NAME.handler.NAMESPACE`. */
  readonly name: string;
  readonly adapter: string;
  readonly calls: number;
  readonly errors: number;
  readonly timeouts: number;
  /** Of all calls together. */
  readonly latencySumMs: number;
  readonly isOpen: boolean;
  /** Instances of reports delivered, waiting and lost. */
  readonly delivered: number;
  readonly queued: number;
  readonly lost: number;
  /** What the adapter itself says is wrong, or why there is no handler. */
  readonly problem?: string;
}

export interface PolicyEngine {
  readonly revision: number;
  check(call: CheckCall, signal?: AbortSignal): Promise<CheckOutcome>;
  /** Hands bags to the adapters; never throws. Resolves when there is room for more. */
  report(bags: readonly AttributeBag[], how?: Pick<CheckCall, 'isPassing'>): Promise<void>;
  /** A quota by the name of its instance, without a check. */
  allocate(name: string, asked: QuotaArguments, attributes: AttributeBag): Promise<QuotaVerdict>;
  /** The same for a proxy, which has looked by itself which requests the quota is for. Undefined: no request to that destination takes from it. */
  assign(call: AssignmentCall): Promise<QuotaVerdict | undefined>;
  inspect(): EngineReport;
  /** Waits until calls under way have ended, then closes handlers that no newer configuration kept. */
  close(): Promise<void>;
}
