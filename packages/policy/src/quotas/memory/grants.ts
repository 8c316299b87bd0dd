// What a caller is told: how much was granted, and how the tightest of its limits stands.
import type { QuotaCharge, QuotaGrant } from '../ledger.ts';
import { availableAt, type Side } from './sides.ts';

const codes = { ok: 0, invalidArgument: 3, resourceExhausted: 8, outOfRange: 11 } as const;

const nothing = { granted: 0n, validDurationMs: 0, limit: 0n, remaining: 0n, resetMs: 0 } as const;

export const invalid = (message: string): QuotaGrant => ({
  ...nothing,
  status: { code: codes.invalidArgument, message },
});

export const refusedForRoom: QuotaGrant = {
  ...nothing,
  resetMs: 1_000,
  status: {
    code: codes.resourceExhausted,
    message: 'more counters are in use than this policy service holds; use fewer dimensions',
  },
};

export interface Charged {
  readonly sides: readonly Side[];
  readonly charge: QuotaCharge;
  readonly granted: bigint;
  readonly nowMs: number;
  readonly isWhole: boolean;
}

export function describe({ sides, charge, granted, nowMs, isWhole }: Charged): QuotaGrant {
  const { side, remaining } = tightest(sides, nowMs);
  const { limit } = side.live.counter;
  const isRefused = charge.amount > 0n && granted === 0n;
  const waits = sides.map(({ live }) => live.counter.waitMs(isRefused ? charge.amount : limit.amount, nowMs));
  return {
    status: statusOf(isRefused, isWhole, charge),
    granted,
    validDurationMs: Math.min(...sides.map(({ live }) => live.counter.validMs(nowMs))),
    limit: limit.amount,
    remaining,
    resetMs: isRefused ? Math.max(1, ...waits) : side.live.counter.waitMs(limit.amount, nowMs),
  };
}

function statusOf(isRefused: boolean, isWhole: boolean, { amount }: QuotaCharge): QuotaGrant['status'] {
  if (!isWhole) {
    return {
      code: codes.outOfRange,
      message: 'the counter is at the largest 64-bit number and counts no further',
    };
  }
  if (!isRefused) return { code: codes.ok, message: '' };
  return { code: codes.resourceExhausted, message: `the quota does not have ${amount} left` };
}

function tightest(sides: readonly Side[], nowMs: number): { side: Side; remaining: bigint } {
  const [first, ...others] = sides.map((side) => ({ side, remaining: availableAt(side, nowMs) }));
  if (first === undefined) throw new Error('a charge has at least one counter');
  return others.reduce((least, one) => (one.remaining < least.remaining ? one : least), first);
}
