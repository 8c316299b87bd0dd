// The body of a QuotaPool: what is limited, how it is counted, and who takes from it. Plain JSON, amounts as digits: an int64 is exact on every way.
import type { TextMap } from '../../values/shapes.ts';

export type CalendarUnitName = 'day' | 'week' | 'month' | 'quarter' | 'year';

/** Amounts are decimal digits of an int64 ≥ 0. */
export type QuotaAllowance =
  | { readonly kind: 'fixed'; readonly amount: string; readonly windowMs: number }
  | {
      readonly kind: 'calendar';
      readonly amount: string;
      readonly unit: CalendarUnitName;
      readonly timeZone: string;
    }
  | { readonly kind: 'rolling'; readonly amount: string; readonly windowMs: number; readonly slots: number }
  | { readonly kind: 'bucket'; readonly amount: string; readonly refill: string; readonly refillMs: number }
  | { readonly kind: 'concurrency'; readonly amount: string; readonly leaseMs: number }
  | { readonly kind: 'total'; readonly amount: string };

export interface QuotaPoolSpec {
  readonly allowance: QuotaAllowance;
  /** What is counted, for people: `tokens`. */
  readonly unit: string;
  /** Name to expression; each combination of values is counted by itself. */
  readonly dimensions: TextMap;
  /** The one that names most dimensions wins. */
  readonly overrides: readonly { readonly dimensions: TextMap; readonly allowance: QuotaAllowance }[];
  readonly sharing?: QuotaSharing;
  /** `EXACT`: never more than the amount; `BEST_EFFORT`: proxies may decide by parts handed out in advance. */
  readonly mode: 'EXACT' | 'BEST_EFFORT';
  readonly store: { readonly kind: 'memory' } | { readonly kind: 'redis'; readonly url: string };
  readonly requests: readonly QuotaRequests[];
  readonly deduplicationMs: number;
  readonly failurePolicy: 'open' | 'close';
}

export interface QuotaSharing {
  /** An expression: who takes part. */
  readonly consumer: string;
  /** Of consumers by name; others have 1. */
  readonly weights: Readonly<Record<string, number>>;
}

/** Requests of proxies that take from the pool. All three are expressions. */
export interface QuotaRequests {
  /** Empty: every request to the namespace's services (of the root namespace: to all). */
  readonly match: string;
  /** Units taken before the request goes on. */
  readonly charge: string;
  /** Units it cost after all, known from the response; empty: what was taken stays. */
  readonly settle: string;
}
