// Any number of proxies together let through what the quota has, and no more.
import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { AssignedBucket, type AssignmentLimits } from './assignments.ts';

const limits: AssignmentLimits = { least: 1n, most: 50n, validMs: 5_000 };

function poolOf(limit: bigint) {
  let used = 0n;
  return {
    used: () => used,
    take: async (amount: bigint) => {
      const granted = amount > limit - used ? limit - used : amount;
      used += granted;
      return granted;
    },
  };
}

it('never hands out more than there is, and gives back what was not used', async () => {
  const demand = fc.array(fc.tuple(fc.nat({ max: 3 }), fc.nat({ max: 30 })), { minLength: 1, maxLength: 40 });
  await fc.assert(
    fc.asyncProperty(fc.bigInt({ min: 1n, max: 300n }), demand, async (limit, reports) => {
      const pool = poolOf(limit);
      const proxies = Array.from({ length: 4 }, () => new AssignedBucket(pool.take, limits));
      const left = proxies.map(() => 0n);
      let passed = 0n;
      for (const [which, asked] of reports) {
        const allowed = BigInt(asked) < (left[which] ?? 0n) ? BigInt(asked) : (left[which] ?? 0n);
        passed += allowed;
        const assignment = await proxies[which]?.report({
          allowed,
          denied: BigInt(asked) - allowed,
          elapsedMs: 100,
        });
        left[which] = assignment?.units ?? 0n;
        expect(passed + left.reduce((sum, each) => sum + each, 0n)).toBe(pool.used());
        expect(pool.used()).toBeLessThanOrEqual(limit);
      }
      for (const proxy of proxies) await proxy.close();
      expect(pool.used()).toBe(passed);
    }),
    { numRuns: 200 },
  );
});
