// The body of a QuotaPlan: what some consumers may take from pools, beside what the pools allow everybody.
import type { QuotaAllowance } from '../quota-pool/spec.ts';

export interface QuotaPlanSpec {
  /** Who has the plan. Texts are exact, or end in `*`. A consumer has the first plan that names it: by key, then identity, then user; then the one for others. */
  readonly consumers: {
    readonly apiKeys: readonly string[];
    /** SPIFFE ids without their scheme, as in `source.principal`. */
    readonly identities: readonly string[];
    readonly users: readonly string[];
    /** All who are in no other plan. */
    readonly others: boolean;
  };
  readonly limits: readonly QuotaPlanLimit[];
}

export interface QuotaPlanLimit {
  /** A QuotaPool of the same namespace. */
  readonly pool: string;
  readonly allowance: QuotaAllowance;
  /** `CONSUMER`: each by itself; `PLAN`: all of the plan together. */
  readonly per: 'CONSUMER' | 'PLAN';
}
