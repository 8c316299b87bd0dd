// What a pool's handler is built from: made from QuotaPool and QuotaPlan objects only, never written by hand.
import type { QuotaAllowance, QuotaPlanSpec, QuotaPoolSpec } from '@xebec/config';
import type { Limit } from '../limit.ts';
import { type LimitOverride, mostSpecificFirst } from '../limits/definition.ts';

/** One limit of a plan on this pool. */
export interface PlanLimit {
  /** `NAMESPACE/PLAN#INDEX`: names the counters. */
  readonly name: string;
  readonly limit: Limit;
  readonly per: 'CONSUMER' | 'PLAN';
}

export interface PoolPlan {
  readonly name: string;
  readonly consumers: QuotaPlanSpec['consumers'];
  readonly limits: readonly PlanLimit[];
}

/** A class, so that nothing read from a file can be taken for one. */
export class PoolParameters {
  /** `NAMESPACE/NAME`: what counters are called by, the same in every revision. */
  readonly pool: string;
  readonly spec: QuotaPoolSpec;
  readonly limit: Limit;
  readonly overrides: readonly LimitOverride[];
  readonly plans: readonly PoolPlan[];

  constructor(pool: string, spec: QuotaPoolSpec, plans: readonly PoolPlan[]) {
    this.pool = pool;
    this.spec = spec;
    this.plans = plans;
    this.limit = limitOf(spec.allowance);
    this.overrides = mostSpecificFirst(
      spec.overrides.map(({ dimensions, allowance }) => ({
        dimensions: new Map(Object.entries(dimensions)),
        limit: limitOf(allowance),
      })),
    );
  }
}

export function limitOf(allowance: QuotaAllowance): Limit {
  const amount = BigInt(allowance.amount);
  switch (allowance.kind) {
    case 'fixed':
      return { kind: 'fixed', amount, window: { kind: 'span', ms: allowance.windowMs } };
    case 'calendar': {
      const { unit, timeZone } = allowance;
      return { kind: 'fixed', amount, window: { kind: 'calendar', unit, timeZone } };
    }
    case 'rolling':
      return { kind: 'rolling', amount, windowMs: allowance.windowMs, slots: allowance.slots };
    case 'bucket':
      return { kind: 'bucket', amount, refill: BigInt(allowance.refill), refillMs: allowance.refillMs };
    case 'concurrency':
      return { kind: 'concurrency', amount, leaseMs: allowance.leaseMs };
    case 'total':
      return { kind: 'total', amount };
  }
}
