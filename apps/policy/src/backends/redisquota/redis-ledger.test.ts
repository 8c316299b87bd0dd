// The ledger in Redis against a real server: the same answers as in memory, and together exact.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createMemoryLedger, type Limit, type QuotaCharge, type QuotaLedger } from '@xebec/policy';
import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { openLedgers } from '../../quotas/open-ledgers.ts';
import { openRedisLedger } from './open-redis-ledger.ts';
import { type RedisServer, redisIsInstalled, startRedis } from './testing/redis-server.ts';

const hour = 3_600_000;
const fixed = (amount: bigint): Limit => ({ kind: 'fixed', amount, window: { kind: 'span', ms: 24 * hour } });

function charge(limit: Limit, amount: number, more: Partial<QuotaCharge> = {}): QuotaCharge {
  return {
    counters: [{ counter: 'c', limit }],
    amount: BigInt(amount),
    isBestEffort: false,
    deduplicationId: '',
    deduplicationMs: 10_000,
    ...more,
  };
}

const grantOf = async (ledger: QuotaLedger, asked: QuotaCharge) => ledger.allocate(asked);

describe.skipIf(!redisIsInstalled)('a real Redis (skipped where redis-server is not installed)', () => {
  let server: RedisServer;
  const opened: { close(): Promise<void> }[] = [];
  const open = (more: { connections?: number; timeoutMs?: number } = {}) => {
    const problems: (string | undefined)[] = [];
    const made = openRedisLedger({
      url: server.url,
      connections: 1,
      onProblem: (text) => problems.push(text),
      ...more,
    });
    opened.push(made);
    return { ...made, problems };
  };

  beforeAll(async () => {
    server = await startRedis();
  });
  beforeEach(async () => {
    await open().ledger.reset({ prefix: '' });
  });
  afterAll(async () => {
    for (const one of opened) await one.close();
    await server.close();
  });

  test('a password is read from where the handler names it; a wrong one fails the call', async () => {
    const guarded = await startRedis({ password: 's3cret' });
    const directory = mkdtempSync(join(tmpdir(), 'xb-redis-'));
    try {
      const passwordPath = join(directory, 'password');
      writeFileSync(passwordPath, 's3cret\n');
      const ledgers = openLedgers(directory, () => undefined);
      const { openRedis } = ledgers.ports;
      if (openRedis === undefined) throw new Error('there is no Redis');
      const address = { url: guarded.url, connections: 1, passwordPath };
      const good = openRedis(address, () => undefined);
      expect((await grantOf(good.ledger, charge(fixed(10n), 6))).granted).toBe(6n);
      writeFileSync(passwordPath, 'wrong');
      const bad = openRedis(address, () => undefined);
      await expect(grantOf(bad.ledger, charge(fixed(10n), 1))).rejects.toThrow();
      await Promise.all([good.close(), bad.close()]);
      ledgers.close();
    } finally {
      await guarded.close();
      rmSync(directory, { recursive: true, force: true });
    }
  }, 60_000);

  test('[MX-7] many callers of two policy services are granted exactly the maximum', async () => {
    const replicas = [open({ connections: 3 }), open({ connections: 2 })];
    const asked = Array.from({ length: 400 }, (_, i) =>
      grantOf((replicas[i % 2] ?? open()).ledger, charge(fixed(100n), 1)),
    );
    const granted = (await Promise.all(asked)).filter((grant) => grant.granted === 1n);
    expect(granted).toHaveLength(100);
  });

  test('a retry with the same id is charged once, at whichever policy service', async () => {
    const retry = charge(fixed(10n), 6, { deduplicationId: 'id' });
    for (const { ledger } of [open(), open(), open()])
      expect((await ledger.allocate(retry)).granted).toBe(6n);
    expect(await open().ledger.inspect({ prefix: '', most: 9 })).toMatchObject([
      { counter: 'c', used: 6n, remaining: 4n },
    ]);
  });

  test('what is released under an id at one policy service is taken anew at another', async () => {
    const limit: Limit = { kind: 'concurrency', amount: 4n, leaseMs: 60_000 };
    const [one, other] = [open().ledger, open().ledger];
    const take = charge(limit, 3, { deduplicationId: 'released' });
    await one.allocate(charge(limit, 1, { deduplicationId: 'others' }));
    expect([(await one.allocate(take)).isRepeat, (await other.allocate(take)).isRepeat]).toEqual([
      undefined,
      true,
    ]);
    const release = charge(limit, -2, { releasedId: 'released' });
    expect([(await other.allocate(release)).granted, (await one.allocate(release)).granted]).toEqual([
      2n,
      1n,
    ]);
    expect(await one.allocate(take)).toMatchObject({ granted: 3n });
    expect((await other.allocate(charge(limit, 1))).granted).toBe(0n);
  });

  test('a window that rolls frees what has left it', async () => {
    const { ledger } = open();
    const limit: Limit = { kind: 'rolling', amount: 5n, windowMs: 300, slots: 10 };
    expect((await ledger.allocate(charge(limit, 5))).granted).toBe(5n);
    const refused = await ledger.allocate(charge(limit, 1));
    expect(refused).toMatchObject({ granted: 0n, status: { code: 8 }, limit: 5n, remaining: 0n });
    expect(refused.resetMs).toBeLessThanOrEqual(330);
    await expect
      .poll(async () => (await ledger.allocate(charge(limit, 5))).granted, { timeout: 5_000 })
      .toBe(5n);
  });

  const kinds: Limit[] = [
    fixed(20n),
    { kind: 'fixed', amount: 20n, window: { kind: 'calendar', unit: 'year', timeZone: 'Europe/Berlin' } },
    { kind: 'rolling', amount: 20n, windowMs: 10 * hour, slots: 7 },
    { kind: 'bucket', amount: 20n, refill: 1n, refillMs: 10 * hour },
    { kind: 'concurrency', amount: 20n, leaseMs: hour },
    { kind: 'total', amount: 200n },
  ];
  const step = fc.record({
    amount: fc.integer({ min: -8, max: 15 }),
    isBestEffort: fc.boolean(),
    deduplicationId: fc.constantFrom('', '', '', 'a', 'b'),
    isForced: fc.constantFrom(false, false, false, true),
    consumer: fc.constantFrom('x', 'y'),
  });

  test.each(kinds)('answers as the ledger in memory does: $kind', async (limit) => {
    const { ledger } = open();
    const isShared = limit.kind === 'fixed' || limit.kind === 'rolling';
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 25 }), fc.uuid(), async (steps, run) => {
        const memory = createMemoryLedger({ now: Date.now });
        for (const { consumer, amount, isForced, ...one } of steps) {
          const share = isShared ? { share: { consumer, weight: 1 } } : {};
          const asked: QuotaCharge = {
            ...charge(limit, amount, one),
            isForced: isForced && amount > 0,
            counters: [
              { counter: `${run}/a`, limit },
              { counter: `${run}/b`, limit, ...share },
            ],
          };
          const [mine, theirs] = [memory.allocate(asked), await ledger.allocate(asked)];
          expect({ ...theirs, resetMs: 0, validDurationMs: 0 }).toEqual({
            ...mine,
            resetMs: 0,
            validDurationMs: 0,
          });
          expect(Math.abs(theirs.resetMs - mine.resetMs)).toBeLessThan(10_000);
        }
        const [mine, theirs] = [memory, ledger].map((one) => one.inspect({ prefix: run, most: 9 }));
        const plain = async (usage: typeof mine) =>
          (await usage)?.map(({ counter, used, remaining }) => ({ counter, used, remaining }));
        expect(await plain(theirs)).toEqual(await plain(mine));
      }),
      { numRuns: 25 },
    );
  });

  test('[MX-8] two consumers share one pool by halves, over two policy services', async () => {
    const limit: Limit = { kind: 'fixed', amount: 40n, window: { kind: 'span', ms: 400 } };
    const shared = (consumer: string) =>
      charge(limit, 1, { counters: [{ counter: 'c', limit, share: { consumer, weight: 1 } }] });
    const [one, two] = [open(), open()];
    const granted = { busy: 0, modest: 0 };
    const endMs = Date.now() + 4_000;
    const ask = async (
      ledger: typeof one.ledger,
      consumer: 'busy' | 'modest',
      atOnce: number,
    ): Promise<void> => {
      while (Date.now() < endMs) {
        const grants = await Promise.all(
          Array.from({ length: atOnce }, () => grantOf(ledger, shared(consumer))),
        );
        granted[consumer] += grants.filter((grant) => grant.granted === 1n).length;
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    };
    await Promise.all([ask(one.ledger, 'busy', 20), ask(two.ledger, 'modest', 5)]);
    // The first window knows no demand yet.
    expect(granted.modest / (granted.busy + granted.modest)).toBeGreaterThan(0.42);
    expect(granted.modest / (granted.busy + granted.modest)).toBeLessThan(0.55);
  });

  test('names are listed in pages, and forgotten by prefix, whatever is in them', async () => {
    const { ledger } = open();
    const names = ['p*a', 'p*b', 'pxc', 'q[1]'];
    for (const counter of names) {
      await ledger.allocate(charge(fixed(1n), 1, { counters: [{ counter, limit: fixed(1n) }] }));
    }
    const listed = await ledger.inspect({ prefix: 'p*', most: 9 });
    expect(listed.map(({ counter }) => counter)).toEqual(['p*a', 'p*b']);
    expect(
      (await ledger.inspect({ prefix: '', most: 2, after: 'p*a' })).map(({ counter }) => counter),
    ).toEqual(['p*b', 'pxc']);
    expect(await ledger.reset({ prefix: 'p*' })).toBe(2);
  });

  test('[F20] without Redis a call fails soon, and works again when it is back', async () => {
    const { ledger, problems } = open({ timeoutMs: 300 });
    await ledger.allocate(charge(fixed(10n), 1));
    await server.kill();
    const startedMs = Date.now();
    await expect(Promise.resolve(ledger.allocate(charge(fixed(10n), 1)))).rejects.toThrow();
    expect(Date.now() - startedMs).toBeLessThan(2_000);
    await expect.poll(() => problems.at(-1), { timeout: 5_000 }).toMatch(/Redis/);
    await server.start();
    await expect
      .poll(
        () =>
          Promise.resolve(ledger.allocate(charge(fixed(10n), 1))).then(
            ({ granted }) => granted,
            () => 0n,
          ),
        {
          timeout: 10_000,
        },
      )
      .toBe(1n);
    expect(problems.at(-1)).toBeUndefined();
  });

  test('what Lua cannot count exactly is refused', async () => {
    const { ledger } = open();
    const tooMuch = await ledger.allocate(charge(fixed(1n << 60n), 1));
    expect(tooMuch).toMatchObject({ granted: 0n, status: { code: 3 } });
  });
});
