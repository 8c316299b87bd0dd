// Taking and giving back under ids, against the simplest books there are: for every sequence of calls what is used is what is held.
import {
  createMemoryLedger,
  createPolicyEngine,
  expandPools,
  inProcessAdapters,
  istioVocabulary,
} from '@xebec/policy';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { systemClock } from '../../configuration/engine-holder.ts';
import { createGate } from '../rpc/gate.ts';
import { isRefusal } from '../rpc/refusal.ts';
import { noWorkloads } from '../workload-directory.ts';
import { createPolicyCalls } from './policy-calls.ts';

const limit = 20;
const rememberedMs = 2_000;
const windowMs = 10_000;
const allowances = {
  total: { kind: 'total', amount: `${limit}` },
  window: { kind: 'fixed', amount: `${limit}`, windowMs },
} as const;

async function setUp(kind: keyof typeof allowances) {
  const clock = { nowMs: 1_000_000 };
  const ledger = createMemoryLedger({ now: () => clock.nowMs });
  const spec = {
    allowance: allowances[kind],
    unit: 'units',
    dimensions: {},
    overrides: [],
    mode: 'EXACT',
    store: { kind: 'memory' },
    requests: [],
    deduplicationMs: rememberedMs,
    failurePolicy: 'close',
  } as const;
  const { engine } = await createPolicyEngine({
    revision: 1,
    objects: expandPools({ pools: [{ namespace: 'ml', name: 'gpu', spec }], plans: [] }).objects,
    adapters: inProcessAdapters({ quotas: { memory: ledger } }),
    clock: systemClock,
    rootNamespace: 'istio-system',
  });
  const calls = createPolicyCalls(
    createGate({
      engine: () => engine,
      vocabulary: () => istioVocabulary,
      workloads: noWorkloads,
      authenticators: [],
      plaintextCallers: 'proxies',
      now: () => clock.nowMs,
    }),
  );
  const asking = { door: 'http', caller: { kind: 'believed' } } as const;
  const attributes = [['destination.namespace', 'ml']] as const;
  return {
    clock,
    used: () => Number(ledger.inspect({ prefix: '', most: 9 })[0]?.used ?? 0n),
    async take(deduplicationId: string, amount: number): Promise<number> {
      const answer = await calls.allocate(asking, {
        ...{ quota: 'gpu', attributes, deduplicationId, amount: BigInt(amount), isBestEffort: false },
      });
      return isRefusal(answer) ? -1 : Number(answer.verdict.granted);
    },
    async giveBack(deduplicationId: string, amount: number): Promise<number> {
      const answer = await calls.release(asking, { quota: 'gpu', deduplicationId, amount: BigInt(amount) });
      return isRefusal(answer) ? -1 : Number(answer.granted);
    },
  };
}

/** What one id stands for. */
interface Held {
  held: number;
  /** The answer to the same call, as long as it is remembered. */
  known?: { readonly granted: number; readonly untilMs: number };
}

class SimpleBooks {
  readonly #ids = new Map<string, Held>();
  used = 0;

  take(id: string, amount: number, nowMs: number): number {
    const one = this.#ids.get(id) ?? { held: 0 };
    if (one.known !== undefined && one.known.untilMs > nowMs) return Math.min(amount, one.known.granted);
    if (this.used + amount > limit) return 0;
    this.used += amount;
    const known = { granted: amount, untilMs: nowMs + rememberedMs };
    this.#ids.set(id, { held: one.held + amount, known });
    return amount;
  }

  /** -1: there is nothing of it. */
  giveBack(id: string, amount: number): number {
    const held = this.#ids.get(id)?.held ?? 0;
    if (held === 0) return -1;
    const given = amount === 0 ? held : Math.min(held, amount);
    this.#ids.set(id, { held: held - given });
    this.used -= given;
    return given;
  }
}

const step = fc.record({
  id: fc.constantFrom('a', 'b', 'c'),
  isTaking: fc.boolean(),
  amount: fc.integer({ min: 0, max: 9 }),
  waitMs: fc.constantFrom(0, 0, 0, 500, 3_000),
});

test('[MX-7] what is used is what is held, however often calls come again after they were given back', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      const { clock, used, take, giveBack } = await setUp('total');
      const books = new SimpleBooks();
      for (const { id, isTaking, amount, waitMs } of steps) {
        clock.nowMs += waitMs;
        if (isTaking) expect(await take(id, amount + 1)).toBe(books.take(id, amount + 1, clock.nowMs));
        else expect(await giveBack(id, amount)).toBe(books.giveBack(id, amount));
        expect(used()).toBe(books.used);
      }
    }),
    { numRuns: 150 },
  );
}, 60_000);

test('taking, giving back and taking again under one id gives back no more than was taken', async () => {
  const { used, take, giveBack } = await setUp('total');
  await take('other', 10);
  for (let round = 0; round < 5; round++) {
    expect([await take('id', 4), await take('id', 4)]).toEqual([4, 4]);
    expect([await giveBack('id', 0), await giveBack('id', 0)]).toEqual([4, -1]);
    expect(used()).toBe(10);
  }
});

test('what was taken in a window that is over gives nothing back in the next', async () => {
  const { clock, used, take, giveBack } = await setUp('window');
  expect(await take('old', 20)).toBe(20);
  clock.nowMs += windowMs;
  expect(await take('new', 20)).toBe(20);
  expect(await giveBack('old', 0)).toBe(0);
  expect([used(), await take('more', 1)]).toEqual([20, 0]);
});
