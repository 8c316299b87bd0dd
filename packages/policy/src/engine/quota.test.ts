// What quotas answer: by name, only where a rule applies, all or none of several handlers.
import { describe, expect, it } from 'vitest';
import { type Adapter, OK, type QuotaArguments } from '../adapters/sdk.ts';
import { bag, engineOf, handler, instance, rule } from '../testing/test-engine.ts';

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
