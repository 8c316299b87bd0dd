// What a quota allows: how much, and over which time. A limit holds no counts.

/** `span`: windows of this length, beginning at 1970-01-01T00:00Z; `calendar`: days, weeks (from Monday), months … of a time zone. */
export type Window =
  | { readonly kind: 'span'; readonly ms: number }
  | { readonly kind: 'calendar'; readonly unit: CalendarUnit; readonly timeZone: string };

export type CalendarUnit = 'day' | 'week' | 'month' | 'quarter' | 'year';

/** `amount` is int64 ≥ 0; 0 allows nothing. */
export type Limit = FixedLimit | RollingLimit | BucketLimit | ConcurrencyLimit | TotalLimit;

/** At most `amount` in each window. */
export interface FixedLimit {
  readonly kind: 'fixed';
  readonly amount: bigint;
  readonly window: Window;
}

/**
 * At most `amount` in any stretch of `windowMs`. Time is counted in `slots` parts of the window; what was charged in a
 * part is free again when the whole part has left the window, so up to `windowMs / slots` later than it could be.
 */
export interface RollingLimit {
  readonly kind: 'rolling';
  readonly amount: bigint;
  readonly windowMs: number;
  readonly slots: number;
}

/** A bucket of `amount` tokens, full at the start, into which `refill` tokens flow in every `refillMs`, evenly. */
export interface BucketLimit {
  readonly kind: 'bucket';
  readonly amount: bigint;
  readonly refill: bigint;
  readonly refillMs: number;
}

/** At most `amount` held at once; what nobody gave back after `leaseMs` is free again. */
export interface ConcurrencyLimit {
  readonly kind: 'concurrency';
  readonly amount: bigint;
  readonly leaseMs: number;
}

/** At most `amount` ever, less what was given back. */
export interface TotalLimit {
  readonly kind: 'total';
  readonly amount: bigint;
}

export const defaultSlots = 60;

/** Limits of one shape count alike: a counter goes on when only amounts differ, and begins anew when the shape does. */
export function shapeOf(limit: Limit): string {
  switch (limit.kind) {
    case 'fixed':
      return limit.window.kind === 'span'
        ? `fixed/${limit.window.ms}`
        : `fixed/${limit.window.unit}/${limit.window.timeZone}`;
    case 'rolling':
      return `rolling/${limit.windowMs}/${limit.slots}`;
    case 'bucket':
      return 'bucket';
    case 'concurrency':
      return 'concurrency';
    case 'total':
      return 'total';
  }
}
