// What reports do: instances reach their handlers in batches; what does not fit or cannot be delivered is counted; one handler's trouble is its own.
import { describe, expect, it } from 'vitest';
import type { Adapter } from '../adapters/sdk.ts';
import type { Instance } from '../templates/template.ts';
import { bag, engineOf, handler, instance, rule, settled, testClock } from '../testing/test-engine.ts';

/** Remembers what it got; `hold` makes it wait. */
function sink(name: string, hold?: Promise<void>): { adapter: Adapter; batches: (readonly Instance[])[] } {
  const batches: (readonly Instance[])[] = [];
  const adapter: Adapter = {
    name,
    description: 'for tests',
    templates: ['metric', 'logentry'],
    parse: () => ({ ok: true, value: undefined, warnings: [] }),
    build: () => ({
      report: async (instances) => {
        batches.push(instances);
        await hold;
      },
    }),
  };
  return { adapter, batches };
}

const metric = instance({ name: 'size' }, 'metric', {
  value: 'response.size | 0',
  dimensions: { user: 'source.user | "nobody"', code: 'response.code' },
});

const toSink = (name: string, spec = {}) => [
  handler({ name }, name),
  metric,
  rule({ name: `to-${name}` }, { send: { [name]: ['size'] }, ...spec }),
];

const bags = (count: number) =>
  Array.from({ length: count }, (_, index) => bag({ 'response.size': BigInt(index), 'response.code': 200n }));

describe('report', () => {
  it('hands over the bags of one call as one batch', async () => {
    const { adapter, batches } = sink('a');
    const { engine, problems } = await engineOf(toSink('a'), [adapter]);
    expect(problems).toEqual([]);
    await engine.report(bags(3));
    await engine.close();
    expect(batches).toHaveLength(1);
    expect(batches[0]?.[2]).toMatchObject({
      template: 'metric',
      name: 'size.instance.istio-system',
      fields: { value: 2n, dimensions: { user: 'nobody', code: 200n } },
    });
  });

  it('reports with the fields that have a value, and counts that some were missing', async () => {
    const { adapter, batches } = sink('a');
    const { engine } = await engineOf(toSink('a'), [adapter]);
    await engine.report([bag({})]);
    await engine.close();
    expect(batches[0]?.[0]?.fields).toEqual({ value: 0n, dimensions: { user: 'nobody' } });
    expect(engine.inspect().rules[0]).toMatchObject({ matched: 1, failed: 1 });
  });

  it('keeps memory bounded: what a stuck handler cannot take is lost and counted, others go on', async () => {
    const clock = testClock();
    let release = (): void => undefined;
    const stuck = sink('stuck', new Promise((resolve) => (release = resolve)));
    const well = sink('well');
    const limits = { queuedInstances: 10, batchedInstances: 5, roomMs: 100, handlerTimeoutMs: 1_000 };
    const { engine } = await engineOf(
      [...toSink('stuck'), ...toSink('well')],
      [stuck.adapter, well.adapter],
      {
        clock,
        limits,
      },
    );
    const first = engine.report(bags(8));
    await settled();
    clock.advance(100);
    await first;
    await engine.report(bags(8));
    await engine.report(bags(1));
    const [slow, quick] = engine.inspect().handlers;
    expect(slow).toMatchObject({ queued: 10, lost: 7, delivered: 0 });
    expect(quick).toMatchObject({ lost: 0 });
    release();
    await engine.close();
    expect(engine.inspect().handlers).toMatchObject([
      { delivered: 10, lost: 7 },
      { delivered: 17, lost: 0 },
    ]);
  });

  it('counts a batch that was not taken as lost', async () => {
    const { adapter } = sink('a', Promise.reject(new Error('disk full')));
    const { engine } = await engineOf(toSink('a'), [adapter]);
    await engine.report(bags(4));
    await engine.close();
    expect(engine.inspect().handlers[0]).toMatchObject({ errors: 1, delivered: 0, lost: 4 });
  });

  it('gives a handler the time that it asks for', async () => {
    const clock = testClock();
    const slow = sink('slow', new Promise(() => undefined));
    const { build } = slow.adapter;
    const adapter: Adapter = {
      ...slow.adapter,
      build: async (...parts) => ({ ...(await build(...parts)), timeoutMs: 9_000 }),
    };
    const { engine } = await engineOf(toSink('slow'), [adapter], {
      clock,
      limits: { handlerTimeoutMs: 1_000 },
    });
    await engine.report(bags(3));
    clock.advance(8_999);
    await settled();
    expect(engine.inspect().handlers[0]).toMatchObject({ queued: 3, lost: 0 });
    clock.advance(1);
    await settled();
    expect(engine.inspect().handlers[0]).toMatchObject({ queued: 0, lost: 3, timeouts: 1 });
  });

  it.each([
    ['lost some of a batch that it took', false, { delivered: 3, lost: 1 }],
    ['took some of a batch before it failed', true, { delivered: 1, lost: 3 }],
  ])('counts each instance once where a handler %s', async (_, isFailing, expected) => {
    const adapter: Adapter = {
      ...sink('a').adapter,
      build: (_config, { countLoss, countTaken }) => ({
        report: async () => {
          countTaken(1);
          countLoss(1);
          if (isFailing) throw new Error('the rest was refused');
        },
      }),
    };
    const { engine } = await engineOf(toSink('a'), [adapter]);
    await engine.report(bags(4));
    await engine.close();
    expect(engine.inspect().handlers[0]).toMatchObject(expected);
  });

  it('samples: the same request alike, and no more than a rate', async () => {
    const { adapter, batches } = sink('a');
    const random = { percent: 50, attribute: '', useIndependentRandomness: false };
    const sampled = await engineOf(toSink('a', { sampling: { random } }), [adapter]);
    const request = bag({ 'request.id': 'abc', 'response.code': 200n });
    for (let time = 0; time < 6; time++) await sampled.engine.report([request]);
    await sampled.engine.close();
    expect([0, 6]).toContain(batches.flat().length);
    const other = sink('a');
    const rateLimit = { maxUnsampledEntries: 2, samplingRate: 3, samplingDurationMs: 1_000 };
    const limited = await engineOf(toSink('a', { sampling: { rateLimit } }), [other.adapter]);
    await limited.engine.report(bags(8));
    await limited.engine.close();
    expect(other.batches.flat()).toHaveLength(4);
    expect(limited.engine.inspect().rules[0]).toMatchObject({ matched: 8, unsampled: 4 });
  });
});
