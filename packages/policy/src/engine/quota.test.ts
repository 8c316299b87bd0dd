// What quotas answer: by name, only where a rule applies, all or none of several handlers.
import { describe, expect, it } from 'vitest';
import { inProcessAdapters } from '../adapters/catalog.ts';
import { type Adapter, OK, type QuotaArguments } from '../adapters/sdk.ts';
import { createMemoryLedger } from '../quotas/memory/memory-ledger.ts';
import { bag, engineOf, handler, instance, rule, testClock } from '../testing/test-engine.ts';

/** Grants while there is something left. */
function pool(name: string, amount: bigint): { adapter: Adapter; left: () => bigint } {
  let left = amount;
  const adapter: Adapter = {
    name,
    description: 'for tests',
    templates: ['quota'],
    parse: () => ({ ok: true, value: undefined, warnings: [] }),
    build: () => ({
      allocate: (_, asked) => {
        if (asked.amount > left) {
          return { status: { code: 8, message: 'exhausted' }, granted: 0n, validDurationMs: 1_000 };
        }
        left -= asked.amount;
        return { status: OK, granted: asked.amount, validDurationMs: 1_000 };
      },
    }),
  };
  return { adapter, left: () => left };
}

/** Grants what is left. */
function partly(name: string, amount: bigint): { adapter: Adapter; left: () => bigint } {
  let left = amount;
  const { adapter } = pool(name, amount);
  const build: Adapter['build'] = () => ({
    allocate: (_, { amount: wanted }) => {
      let granted = wanted;
      if (left < granted) granted = left;
      left -= granted;
      return { status: OK, granted, validDurationMs: 1_000 };
    },
  });
  return { adapter: { ...adapter, build }, left: () => left };
}

const asked = (amount: bigint): QuotaArguments => ({ amount, isBestEffort: false, deduplicationId: '' });
const calls = instance({ name: 'calls' }, 'quota', { dimensions: { user: 'source.user | ""' } });
const limited = (name: string, match = '') => [
  handler({ name }, name),
  calls,
  rule({ name: `by-${name}` }, { match, send: { [name]: ['calls'] } }),
];

describe('quotas', () => {
  it('are granted by name beside a check that allows', async () => {
    const { adapter, left } = pool('a', 5n);
    const { engine } = await engineOf(limited('a'), [adapter]);
    const check = (amount: bigint) =>
      engine.check({
        attributes: bag({ 'source.user': 'ann' }),
        quotas: new Map([['CALLS', asked(amount)]]),
      });
    const granted = (await check(3n)).quotas.get('CALLS');
    expect(granted).toMatchObject({ status: OK, granted: 3n });
    expect(granted?.references).toEqual([{ name: 'source.user', isPresent: true }]);
    const refused = (await check(3n)).quotas.get('CALLS');
    expect(refused).toMatchObject({ status: { code: 8, message: 'a.istio-system:exhausted' }, granted: 0n });
    expect(left()).toBe(2n);
  });

  it('that nothing limits are granted', async () => {
    const { adapter, left } = pool('a', 0n);
    const { engine } = await engineOf(limited('a', 'source.user == "bob"'), [adapter]);
    expect(await engine.allocate('calls', asked(7n), bag({ 'source.user': 'ann' }))).toMatchObject({
      granted: 7n,
    });
    expect(await engine.allocate('unknown', asked(7n), bag({}))).toMatchObject({ status: OK, granted: 7n });
    expect(left()).toBe(0n);
  });

  it('need every handler that applies, and take nothing when one refuses', async () => {
    const small = pool('b', 1n);
    const large = pool('a', 10n);
    const { engine } = await engineOf([...limited('a'), ...limited('b')], [large.adapter, small.adapter]);
    expect(await engine.allocate('calls', asked(2n), bag({}))).toMatchObject({
      status: { code: 8 },
      granted: 0n,
    });
    expect([large.left(), small.left()]).toEqual([10n, 1n]);
  });

  it('take once under an id, however often one handler grants what another refuses', async () => {
    const ledger = createMemoryLedger(testClock());
    const memory = inProcessAdapters({ quotas: { memory: ledger } });
    const counted = [
      handler({ name: 'wide' }, 'memquota', {
        quotas: [{ name: 'calls.instance.istio-system', maxAmount: 10, validDuration: '60s' }],
      }),
      calls,
      rule({ name: 'by-wide' }, { send: { wide: ['calls'] } }),
      ...limited('none').filter(({ kind }) => kind !== 'instance'),
    ];
    const { engine } = await engineOf(counted, [...memory, pool('none', 0n).adapter]);
    const used = () => ledger.inspect({ prefix: '', most: 9 })[0]?.used;
    const { engine: wide } = await engineOf(counted.slice(0, 3), memory);
    await wide.allocate('calls', asked(4n), bag({}));
    for (let again = 0; again < 3; again++) {
      const verdict = await engine.allocate('calls', { ...asked(3n), deduplicationId: 'x' }, bag({}));
      expect(verdict.granted).toBe(0n);
      expect(used()).toBe(4n);
    }
  });

  it('of a rule that failed open are nobody’s to give back', async () => {
    const asks: bigint[] = [];
    const away: Adapter = {
      ...pool('away', 0n).adapter,
      build: () => ({
        allocate: (_, { amount }) => {
          asks.push(amount);
          throw new Error('away');
        },
      }),
    };
    const open = limited('away').map((object) =>
      object.kind === 'rule'
        ? { ...object, spec: { ...object.spec, failurePolicy: 'open' as const } }
        : object,
    );
    const { engine } = await engineOf([...open, ...limited('none')], [away, pool('none', 0n).adapter]);
    expect((await engine.allocate('calls', asked(3n), bag({}))).status.code).toBe(8);
    expect(asks).toEqual([3n]);
    const { engine: alone } = await engineOf(open, [away]);
    expect(await alone.allocate('calls', asked(-3n), bag({}))).toMatchObject({ status: OK, granted: 0n });
  });

  it('that are taken as far as they go take no more than the least of all limits', async () => {
    const [wide, tight] = [partly('wide', 10n), partly('tight', 4n)];
    const { engine } = await engineOf(
      [...limited('wide'), ...limited('tight')],
      [wide.adapter, tight.adapter],
    );
    const verdict = await engine.allocate('calls', { ...asked(8n), isBestEffort: true }, bag({}));
    expect([verdict.granted, wide.left(), tight.left()]).toEqual([4n, 6n, 0n]);
  });

  it('are refused when their handler fails, unless the rule says open', async () => {
    const failing: Adapter = {
      ...pool('a', 1n).adapter,
      build: () => ({
        allocate: () => {
          throw new Error('redis is down');
        },
      }),
    };
    const closed = await engineOf(limited('a'), [failing]);
    expect(await closed.engine.allocate('calls', asked(1n), bag({}))).toMatchObject({
      status: { code: 14, message: 'a.istio-system:redis is down' },
      granted: 0n,
    });
    const open = [
      handler({ name: 'a' }, 'a'),
      calls,
      rule({ name: 'r' }, { failurePolicy: 'open', send: { a: ['calls'] } }),
    ];
    const { engine } = await engineOf(open, [failing]);
    expect(await engine.allocate('calls', asked(1n), bag({}))).toMatchObject({ status: OK, granted: 1n });
  });
});
