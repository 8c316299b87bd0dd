// What a new configuration keeps: handlers that did not change, with what they remember, and the counts of rules.
import { describe, expect, it } from 'vitest';
import { type Adapter, OK } from '../adapters/sdk.ts';
import { bag, engineOf, handler, instance, rule } from '../testing/test-engine.ts';

/** Says how often it was built and closed. */
function watched(): { adapter: Adapter; built: () => number; closed: () => number } {
  let built = 0;
  let closed = 0;
  const adapter: Adapter = {
    name: 'watched',
    description: 'for tests',
    templates: ['checknothing', 'listentry'],
    parse: (params) => ({ ok: true, value: params, warnings: [] }),
    build: () => {
      built++;
      return {
        check: () => ({ status: OK, validDurationMs: 1, validUseCount: 1 }),
        close: () => {
          closed++;
        },
      };
    },
  };
  return { adapter, built: () => built, closed: () => closed };
}

const objects = (params: unknown, match = '') => [
  handler({ name: 'h' }, 'watched', params),
  instance({ name: 'nothing' }, 'checknothing'),
  rule({ name: 'r' }, { match, send: { h: ['nothing'] } }),
];

describe('a new configuration', () => {
  it('keeps handlers whose parameters and instances are the same', async () => {
    const { adapter, built, closed } = watched();
    const first = (await engineOf(objects({ a: 1 }), [adapter])).engine;
    await first.check({ attributes: bag({}) });
    const changed = objects({ a: 1 }, 'source.user | "" == ""');
    const second = (await engineOf(changed, [adapter], { revision: 2, previous: first })).engine;
    await first.close();
    expect([built(), closed()]).toEqual([1, 0]);
    await second.check({ attributes: bag({}) });
    expect(second.inspect()).toMatchObject({ rules: [{ matched: 2 }], handlers: [{ calls: 2 }] });
    const third = (await engineOf(objects({ a: 2 }), [adapter], { revision: 3, previous: second })).engine;
    await second.close();
    expect([built(), closed()]).toEqual([2, 1]);
    await third.close();
    await third.close();
    expect(closed()).toBe(2);
  });

  it('goes on with the handler before where the new one cannot be built, and tries again at the next change', async () => {
    let isGood = true;
    const picky: Adapter = {
      ...watched().adapter,
      build: (config) => {
        if (!isGood) throw new Error('not now');
        const message = String(Reflect.get(Object(config), 'a'));
        return { check: () => ({ status: { code: 7, message }, validDurationMs: 1, validUseCount: 1 }) };
      },
    };
    const first = (await engineOf(objects({ a: 1 }), [picky])).engine;
    isGood = false;
    const kept = await engineOf(objects({ a: 2 }), [picky], { revision: 2, previous: first });
    await first.close();
    expect(kept.problems.map(({ diagnostic }) => diagnostic.message)).toEqual([
      'could not be built: not now (the last good one stays in force)',
    ]);
    const said = async (engine: typeof first): Promise<string> =>
      (await engine.check({ attributes: bag({}) })).status.message;
    expect(await said(kept.engine)).toBe('h.istio-system:1');
    isGood = true;
    const third = await engineOf(objects({ a: 2 }), [picky], { revision: 3, previous: kept.engine });
    await kept.engine.close();
    expect([third.problems, await said(third.engine)]).toEqual([[], 'h.istio-system:2']);
    await third.engine.close();
  });

  it('ends calls with the configuration they began with', async () => {
    let answer = (): void => undefined;
    let isClosed = false;
    const slow: Adapter = {
      ...watched().adapter,
      build: () => ({
        check: () =>
          new Promise((resolve) => {
            answer = () => resolve({ status: OK, validDurationMs: 1, validUseCount: 1 });
          }),
        close: () => {
          isClosed = true;
        },
      }),
    };
    const { engine } = await engineOf(objects({}), [slow]);
    const pending = engine.check({ attributes: bag({}) });
    await Promise.resolve();
    await Promise.resolve();
    const closing = engine.close();
    expect(isClosed).toBe(false);
    answer();
    expect((await pending).status).toEqual(OK);
    await closing;
    expect(isClosed).toBe(true);
  });

  it('keeps the last good object where the newest is wrong, and says so', async () => {
    const { adapter } = watched();
    const first = (await engineOf(objects({ a: 1 }, 'source.user == "eve"'), [adapter])).engine;
    const wrong = objects({ a: 1 }, 'source.usr == "eve"');
    const { engine, problems } = await engineOf(wrong, [adapter], { revision: 2, previous: first });
    expect(problems).toMatchObject([
      {
        object: 'rule/istio-system/r',
        diagnostic: { field: 'spec.match', message: expect.stringContaining('last good one stays') },
      },
    ]);
    const outcome = await engine.check({ attributes: bag({ 'source.user': 'eve' }) });
    expect(outcome.rules).toHaveLength(1);
    expect((await engine.check({ attributes: bag({ 'source.user': 'ann' }) })).rules).toHaveLength(0);
  });

  it('guards what a wrong rule without an earlier one guards', async () => {
    const { adapter } = watched();
    const { engine, problems } = await engineOf(objects({}, 'source.usr == "eve"'), [adapter]);
    expect(problems).toHaveLength(1);
    expect((await engine.check({ attributes: bag({}) })).status.code).toBe(7);
  });
});
