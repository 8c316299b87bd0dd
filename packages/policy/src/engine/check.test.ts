// What a check answers: rules by namespace, refusals put together, lives, references, failures as the rules say.
import { describe, expect, it } from 'vitest';
import { denier } from '../adapters/denier/denier.ts';
import { listAdapter } from '../adapters/list/list.ts';
import { noop } from '../adapters/noop/noop.ts';
import { type Adapter, OK } from '../adapters/sdk.ts';
import { bag, engineOf, handler, instance, rule, settled, testClock } from '../testing/test-engine.ts';

const adapters = [denier, listAdapter(), noop];

const denyAll = [
  handler({ name: 'deny' }, 'denier', { status: { code: 7, message: 'Not allowed' }, validDuration: '1s' }),
  instance({ name: 'nothing' }, 'checknothing'),
];

const versions = [
  handler({ name: 'versions' }, 'list', {
    overrides: ['v1', 'v2'],
    cachingInterval: '3s',
    cachingUseCount: 7,
  }),
  instance({ name: 'version' }, 'listentry', { value: 'source.labels["version"] | ""' }),
];

describe('check', () => {
  it('allows what no rule applies to, for a minute', async () => {
    const { engine, problems } = await engineOf([], adapters);
    expect(problems).toEqual([]);
    expect(await engine.check({ attributes: bag({}) })).toMatchObject({
      status: OK,
      validDurationMs: 60_000,
      validUseCount: 10_000,
      references: [],
    });
  });

  it('refuses with the code and the message of the handler, and names it', async () => {
    const { engine } = await engineOf(
      [...denyAll, rule({ name: 'r' }, { send: { deny: ['nothing'] } })],
      adapters,
    );
    expect(await engine.check({ attributes: bag({}) })).toMatchObject({
      status: { code: 7, message: 'deny.istio-system:Not allowed' },
      validDurationMs: 1_000,
      validUseCount: 1_000,
      rules: [{ rule: 'r.rule.istio-system', handler: 'deny.handler.istio-system' }],
    });
  });

  it('asks only rules whose match holds, and tells what the outcome depends on', async () => {
    const match = 'destination.labels["app"] == "ratings" && request.method == "GET"';
    const { engine } = await engineOf(
      [...denyAll, rule({ name: 'r' }, { match, send: { deny: ['nothing'] } })],
      adapters,
    );
    const labels = new Map([['app', 'reviews']]);
    const allowed = await engine.check({ attributes: bag({ 'destination.labels': labels }) });
    expect(allowed.status).toEqual(OK);
    expect(allowed.references).toEqual([{ name: 'destination.labels', key: 'app', isPresent: true }]);
    const ratings = new Map([['app', 'ratings']]);
    const refused = await engine.check({
      attributes: bag({ 'destination.labels': ratings, 'request.method': 'GET' }),
    });
    expect(refused.status.code).toBe(7);
    expect(refused.references).toContainEqual({ name: 'request.method', isPresent: true });
  });

  it('puts several refusals together: the first code, all messages, the shortest life', async () => {
    const { engine } = await engineOf(
      [
        ...denyAll,
        ...versions,
        rule({ name: 'a' }, { send: { versions: ['version'] } }),
        rule({ name: 'b' }, { send: { deny: ['nothing'] } }),
      ],
      adapters,
    );
    const outcome = await engine.check({
      attributes: bag({ 'source.labels': new Map([['version', 'v3']]) }),
    });
    expect(outcome).toMatchObject({
      status: {
        code: 7,
        message: 'versions.istio-system:v3 is not whitelisted, deny.istio-system:Not allowed',
      },
      validDurationMs: 1_000,
      validUseCount: 7,
    });
  });

  it('asks rules of the root namespace for all, those of another for its own services', async () => {
    const { engine } = await engineOf(
      [
        handler({ name: 'deny', namespace: 'shop' }, 'denier'),
        instance({ name: 'nothing', namespace: 'shop' }, 'checknothing'),
        rule({ name: 'r', namespace: 'shop' }, { send: { deny: ['nothing.instance.shop'] } }),
      ],
      adapters,
    );
    const to = (namespace: string) =>
      engine.check({ attributes: bag({ 'destination.namespace': namespace }) });
    expect((await to('shop')).status).toEqual({ code: 9, message: 'deny.shop:' });
    expect((await to('bank')).status).toEqual(OK);
    const outbound = bag({ 'context.reporter.kind': 'outbound', 'source.namespace': 'shop' });
    expect((await engine.check({ attributes: outbound })).status.code).toBe(9);
  });

  it('skips a match that asks for what is absent; a match that fails otherwise fails closed', async () => {
    const objects = (match: string) => [
      ...denyAll,
      rule({ name: 'r' }, { match, send: { deny: ['nothing'] } }),
    ];
    const absent = await engineOf(objects('source.user == "eve"'), adapters);
    expect((await absent.engine.check({ attributes: bag({}) })).status).toEqual(OK);
    const wrong = await engineOf(objects('ip(request.host) == ip("10.0.0.1")'), adapters);
    const outcome = await wrong.engine.check({ attributes: bag({ 'request.host': 'no address' }) });
    expect(outcome.status.code).toBe(7);
    expect(outcome.status.message).toContain('deny.istio-system:match: ');
    expect(outcome.validDurationMs).toBe(0);
  });

  it('asks only rules of one failure policy when the caller says so', async () => {
    const { engine } = await engineOf(
      [...denyAll, rule({ name: 'r' }, { failurePolicy: 'open', send: { deny: ['nothing'] } })],
      adapters,
    );
    expect((await engine.check({ attributes: bag({}), failurePolicy: 'close' })).status).toEqual(OK);
    expect((await engine.check({ attributes: bag({}), failurePolicy: 'open' })).status.code).toBe(7);
  });

  it('answers with the direct response of the first refusal', async () => {
    const details = [
      {
        '@type': 'type.googleapis.com/istio.policy.v1beta1.DirectHttpResponse',
        code: 302,
        headers: { location: 'https://login.example' },
      },
    ];
    const { engine } = await engineOf(
      [
        handler({ name: 'deny' }, 'denier', { status: { code: 16, details } }),
        instance({ name: 'nothing' }, 'checknothing'),
        rule({ name: 'r' }, { send: { deny: ['nothing'] } }),
      ],
      adapters,
    );
    expect((await engine.check({ attributes: bag({}) })).directResponse).toEqual({
      httpStatus: 302,
      body: '',
      headers: { location: 'https://login.example' },
    });
  });

  it('changes headers of calls that are allowed, never with a line break', async () => {
    const { engine } = await engineOf(
      [
        rule(
          { name: 'r' },
          {
            requestHeaderOperations: [
              { name: 'X-User', operation: 'REPLACE', values: ['source.user | "nobody"'] },
              { name: 'x-old', operation: 'REMOVE', values: [] },
            ],
            responseHeaderOperations: [{ name: 'x-seen', operation: 'APPEND', values: ['"yes"'] }],
          },
        ),
      ],
      adapters,
    );
    expect(await engine.check({ attributes: bag({ 'source.user': 'ann' }) })).toMatchObject({
      requestHeaders: [
        { name: 'x-user', operation: 'REPLACE', values: ['ann'] },
        { name: 'x-old', operation: 'REMOVE', values: [] },
      ],
      responseHeaders: [{ name: 'x-seen', operation: 'APPEND', values: ['yes'] }],
    });
    const hostile = await engine.check({ attributes: bag({ 'source.user': 'ann\r\nx-admin: true' }) });
    expect(hostile.requestHeaders).toEqual([{ name: 'x-old', operation: 'REMOVE', values: [] }]);
  });
});

const custom = (check: NonNullable<Awaited<ReturnType<Adapter['build']>>['check']>): Adapter => ({
  name: 'custom',
  description: 'for tests',
  templates: ['checknothing'],
  parse: () => ({ ok: true, value: undefined, warnings: [] }),
  build: () => ({ check }),
});

const customRule = (failurePolicy?: 'open' | 'close') => [
  handler({ name: 'h' }, 'custom'),
  instance({ name: 'nothing' }, 'checknothing'),
  rule(
    { name: 'r' },
    { send: { h: ['nothing'] }, ...(failurePolicy === undefined ? {} : { failurePolicy }) },
  ),
];

describe('a handler that fails', () => {
  const throwing = custom(() => {
    throw new Error('no backend');
  });

  it('fails its rules closed, or open where they say so, and is not kept by callers', async () => {
    const closed = await engineOf(customRule(), [throwing]);
    expect(await closed.engine.check({ attributes: bag({}) })).toMatchObject({
      status: { code: 14, message: 'h.istio-system:no backend' },
      validDurationMs: 0,
      validUseCount: 1,
    });
    const open = await engineOf(customRule('open'), [throwing]);
    expect(await open.engine.check({ attributes: bag({}) })).toMatchObject({
      status: OK,
      validDurationMs: 0,
    });
    expect(open.engine.inspect()).toMatchObject({
      rules: [{ matched: 1, denied: 0, failed: 1 }],
      handlers: [{ calls: 1, errors: 1 }],
    });
  });

  it('is left alone after some failures, then tried once', async () => {
    const clock = testClock();
    let calls = 0;
    let isWell = false;
    const flaky = custom(() => {
      calls++;
      if (!isWell) throw new Error('no backend');
      return { status: OK, validDurationMs: 1, validUseCount: 1 };
    });
    const limits = { failuresToOpen: 2, openMs: 100 };
    const { engine } = await engineOf(customRule(), [flaky], { clock, limits });
    const check = async () => (await engine.check({ attributes: bag({}) })).status.code;
    expect([await check(), await check(), await check()]).toEqual([14, 14, 14]);
    expect(calls).toBe(2);
    isWell = true;
    clock.advance(100);
    expect([await check(), await check()]).toEqual([0, 0]);
    expect(calls).toBe(4);
  });

  it('that is slow ends after its time, is told so, and holds up no other rule', async () => {
    const clock = testClock();
    let wasTold = false;
    const slow = custom(
      (_, signal) =>
        new Promise(() => {
          signal.addEventListener('abort', () => {
            wasTold = true;
          });
        }),
    );
    const { engine } = await engineOf(customRule(), [slow], { clock, limits: { handlerTimeoutMs: 50 } });
    const pending = engine.check({ attributes: bag({}) });
    await settled();
    clock.advance(50);
    expect((await pending).status).toEqual({ code: 14, message: 'h.istio-system:did not answer in 50 ms' });
    expect(wasTold).toBe(true);
    expect(engine.inspect().handlers[0]).toMatchObject({ timeouts: 1 });
  });

  it('that takes long to build holds up nobody, and is used once it is there', async () => {
    const clock = testClock();
    let ready = (): void => undefined;
    const late: Adapter = {
      ...throwing,
      build: () =>
        new Promise((resolve) => {
          ready = () => resolve({ check: () => ({ status: OK, validDurationMs: 1, validUseCount: 1 }) });
        }),
    };
    const building = engineOf(customRule(), [late], { clock, limits: { buildMs: 100 } });
    await settled();
    clock.advance(100);
    const { engine, problems } = await building;
    expect(problems).toMatchObject([{ diagnostic: { message: 'is not built after 100 ms' } }]);
    expect((await engine.check({ attributes: bag({}) })).status.code).toBe(14);
    ready();
    await settled();
    expect((await engine.check({ attributes: bag({}) })).status).toEqual(OK);
  });

  it('that cannot be built or is not there fails its rules', async () => {
    const broken: Adapter = { ...throwing, build: () => Promise.reject(new Error('no socket')) };
    const built = await engineOf(customRule(), [broken]);
    expect(built.problems).toMatchObject([
      { object: 'handler/istio-system/h', diagnostic: { code: 'handler-not-built' } },
    ]);
    expect((await built.engine.check({ attributes: bag({}) })).status.code).toBe(14);
    const [, ...without] = customRule();
    const missing = await engineOf(without, [throwing]);
    expect(missing.problems[0]?.diagnostic.code).toBe('unknown-handler');
    expect((await missing.engine.check({ attributes: bag({}) })).status.code).toBe(14);
  });
});
