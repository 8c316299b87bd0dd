// Any number of proxies together let through what the quota has, and no more.
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AssignedBucket, type Take } from './assignments.ts';

const start = 1_000_000;

function poolOf(limit: bigint, windowMs = Number.POSITIVE_INFINITY) {
  const clock = { nowMs: start };
  let used = 0n;
  let endsMs = start + windowMs;
  const advance = (): void => {
    if (clock.nowMs < endsMs) return;
    used = 0n;
    endsMs += windowMs * Math.ceil((clock.nowMs - endsMs + 1) / windowMs);
  };
  const take: Take = async (amount) => {
    advance();
    const left = limit - used;
    const granted = amount > left ? left : amount;
    used += granted < 0n && -granted > used ? -used : granted;
    return { granted, remaining: limit - used, validMs: endsMs - clock.nowMs };
  };
  const bucket = (charge = 1n) =>
    new AssignedBucket(take, { charge, validMs: 12_000, reportMs: 5_000, now: () => clock.nowMs });
  const usedNow = (): bigint => {
    advance();
    return used;
  };
  return { clock, bucket, used: usedNow };
}

it('never hands out more than there is, and gives back what was not used', async () => {
  const demand = fc.array(fc.tuple(fc.nat({ max: 3 }), fc.nat({ max: 30 })), { minLength: 1, maxLength: 40 });
  await fc.assert(
    fc.asyncProperty(
      fc.bigInt({ min: 1n, max: 300n }),
      fc.bigInt({ min: 1n, max: 4n }),
      demand,
      async (limit, charge, reports) => {
        const pool = poolOf(limit);
        const proxies = Array.from({ length: 4 }, () => pool.bucket(charge));
        const left = proxies.map(() => 0n);
        let passed = 0n;
        for (const [which, asked] of reports) {
          const allowed = BigInt(asked) < (left[which] ?? 0n) ? BigInt(asked) : (left[which] ?? 0n);
          passed += allowed;
          const assignment = await proxies[which]?.report({ allowed, denied: BigInt(asked) - allowed });
          left[which] = assignment?.requests ?? 0n;
          expect((passed + left.reduce((sum, each) => sum + each, 0n)) * charge).toBe(pool.used());
          expect(pool.used()).toBeLessThanOrEqual(limit);
        }
        for (const proxy of proxies) await proxy.close();
        expect(pool.used()).toBe(passed * charge);
      },
    ),
    { numRuns: 200 },
  );
});

it('a steady load of several proxies uses up all there is', async () => {
  const pool = poolOf(300n);
  const proxies = [pool.bucket(), pool.bucket(), pool.bucket()];
  const left = [0n, 0n, 0n];
  let passed = 0n;
  for (let round = 0; round < 12; round++) {
    for (const [at, proxy] of proxies.entries()) {
      const asked = 50n;
      const allowed = asked < (left[at] ?? 0n) ? asked : (left[at] ?? 0n);
      passed += allowed;
      left[at] = (await proxy.report({ allowed, denied: asked - allowed })).requests;
    }
  }
  expect(passed).toBe(300n);
});

describe('when a window ends', () => {
  it('what was taken of it is forgotten, and the next one gives no more than it has', async () => {
    const pool = poolOf(10n, 20_000);
    const bucket = pool.bucket();
    const first = await bucket.report({ allowed: 0n, denied: 10n });
    expect(first.requests).toBeGreaterThan(0n);
    expect(first.renewMs).toBeUndefined();
    pool.clock.nowMs += 16_000;
    expect((await bucket.report({ allowed: 0n, denied: 10n })).renewMs).toBe(4_000);
    pool.clock.nowMs += 4_000;
    const renewed = await bucket.renew();
    expect(renewed.requests).toBe(pool.used());
    expect(pool.used()).toBeLessThanOrEqual(10n);
  });

  it('nothing is given back to the next one', async () => {
    const pool = poolOf(10n, 20_000);
    const [gone, other] = [pool.bucket(), pool.bucket()];
    await gone.report({ allowed: 0n, denied: 3n });
    pool.clock.nowMs += 20_000;
    const { requests } = await other.report({ allowed: 0n, denied: 3n });
    await gone.close();
    expect(pool.used()).toBe(requests);
  });
});

it('who takes from a quota without a limit is not held up', async () => {
  const take: Take = async (amount) => ({ granted: amount, validMs: Number.POSITIVE_INFINITY });
  const limits = { charge: 1n, validMs: 12_000, reportMs: 5_000, now: () => start };
  const { requests } = await new AssignedBucket(take, limits).report({ allowed: 1n, denied: 0n });
  expect(requests).toBeGreaterThan(1_000n);
});

it('a burst after quiet times passes while nearly all is left', async () => {
  const bucket = poolOf(10_000_000n).bucket();
  for (const allowed of [0n, 100n, 100n, 100n]) await bucket.report({ allowed, denied: 0n });
  expect((await bucket.report({ allowed: 100n, denied: 0n })).requests).toBe(10_000n);
});
