// Whatever somebody sends, at whichever door: it is answered, nothing of it reaches rules that is not what it is declared to be or not the caller's to say, and nothing of this process changes.
import { create } from '@bufbuild/protobuf';
import { istioVocabulary } from '@xebec/policy';
import { encode } from '@xebec/protos';
import {
  AccessLogService,
  StreamAccessLogsMessageSchema,
} from '@xebec/protos/envoy/service/accesslog/v3/als_pb';
import { AttributeContextSchema } from '@xebec/protos/envoy/service/auth/v3/attribute_context_pb';
import {
  Authorization,
  CheckRequestSchema as EnvoyCheck,
} from '@xebec/protos/envoy/service/auth/v3/external_auth_pb';
import {
  RateLimitQuotaService,
  RateLimitQuotaUsageReportsSchema,
} from '@xebec/protos/envoy/service/rate_limit_quota/v3/rlqs_pb';
import { RateLimitRequestSchema, RateLimitService } from '@xebec/protos/envoy/service/ratelimit/v3/rls_pb';
import { Mixer, CheckRequestSchema as MixerCheck } from '@xebec/protos/istio/mixer/v1/mixer_pb';
import {
  ExportLogsServiceRequestSchema,
  LogsService,
} from '@xebec/protos/opentelemetry/proto/collector/logs/v1/logs_service_pb';
import {
  AllocateQuotaRequestSchema,
  CheckRequestSchema,
  Policy,
  ReleaseQuotaRequestSchema,
  ReportRequestSchema,
  ValueSchema,
} from '@xebec/protos/xebec/policy/v1/policy_pb';
import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { isOfType } from './attributes/bag-builder.ts';
import { asBuffer, pathOf } from './rpc/unary.ts';
import { asShop, call, headersOf, openTestDoors, type TestDoors } from './testing/doors.ts';
import { shopWorkloads } from './testing/shop-workloads.ts';
import { testVocabulary } from './testing/vocabulary.ts';

let doors: TestDoors;
beforeAll(async () => {
  doors = await openTestDoors({ plaintextCallers: 'proxies', workloads: shopWorkloads });
});
afterAll(() => doors.close());
beforeEach(forget);

function forget(): void {
  for (const list of [doors.engine.checks, doors.engine.bags, doors.engine.charges]) list.length = 0;
  doors.engine.used = 0n;
}

const runs = { numRuns: 40, interruptAfterTimeLimit: 12_000 };
const asProxy = headersOf({ 'xebec-workload': 'shop/cart-1' });
const hostileWords = [
  '__proto__',
  'constructor',
  'prototype',
  'toString',
  'hasOwnProperty',
  '__defineGetter__',
];
const name = fc.oneof(
  fc.constantFrom(
    ...hostileWords,
    ...testVocabulary.names(),
    '',
    'x'.repeat(5_000),
    'request.headers[__proto__]',
  ),
  fc.string({ unit: 'binary', maxLength: 30 }),
);
const text = fc.oneof(
  fc.constantFrom(
    ...hostileWords,
    '',
    'true',
    '1',
    '-1',
    '1e999',
    '10.0.0.1',
    '\ufffd',
    '\r\nx: y',
    'x'.repeat(70_000),
  ),
  fc.string({ unit: 'binary', maxLength: 40 }),
);
const texts = fc.dictionary(name, text, { maxKeys: 6, noNullPrototype: true });
const int64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
const value = fc.oneof(
  text.map((each) => ({ case: 'stringValue' as const, value: each })),
  int64.map((each) => ({ case: 'int64Value' as const, value: each })),
  fc.double().map((each) => ({ case: 'doubleValue' as const, value: each })),
  fc.boolean().map((each) => ({ case: 'boolValue' as const, value: each })),
  fc.uint8Array({ maxLength: 20 }).map((each) => ({ case: 'bytesValue' as const, value: each })),
);
const attributes = fc.array(fc.tuple(name, value), { maxLength: 8 });

const bags = () => [
  ...doors.engine.checks.map((each) => each.attributes),
  ...doors.engine.bags,
  ...doors.engine.charges.map((each) => each.attributes),
];

/** What holds after every call. */
function isSound(): void {
  expect(Object.keys(Object.prototype)).toEqual([]);
  expect(Reflect.get({}, 'polluted')).toBeUndefined();
  for (const bag of bags())
    for (const [key, held] of bag) {
      const declared = testVocabulary.get(key);
      expect(declared, `${key} is declared`).toBeDefined();
      if (declared !== undefined)
        expect(isOfType(held, declared.type), `${key} is ${declared.type}`).toBe(true);
      const parts = held instanceof Map ? [...held].flat() : [held];
      for (const part of parts)
        if (typeof part === 'string') expect(Buffer.byteLength(part)).toBeLessThanOrEqual(65_536);
    }
}

/** A program is who it proves to be. */
function isShops(): void {
  for (const bag of bags()) {
    expect(bag.get('source.principal')).toBe('cluster.local/ns/shop/sa/cart');
    expect(
      [...bag.keys()].filter((key) => /^(context\.reporter|connection|request\.auth)\./.test(key)),
    ).toEqual([]);
  }
}

const code = async (answer: Promise<unknown>): Promise<number> =>
  answer.then(
    () => 0,
    (error: { code?: number }) => error.code ?? -1,
  );

/** An answer, or that the request is none; never a failure of ours. */
const isAnswered = async (answer: Promise<unknown>): Promise<void> =>
  expect([0, 3]).toContain(await code(answer));

const said = (entries: readonly (readonly [string, { case: string; value: unknown }])[]) => ({
  attributes: Object.fromEntries(
    entries.map(([key, each]) => [key, create(ValueSchema, { value: Object(each) })]),
  ),
});

describe('[B12] [B23] attributes that somebody made up', () => {
  it('at the own API', () =>
    fc.assert(
      fc.asyncProperty(attributes, async (entries) => {
        forget();
        const bag = said(entries);
        await isAnswered(
          call(doors, Policy.method.check, { request: create(CheckRequestSchema, { attributes: bag }) }),
        );
        await isAnswered(
          call(doors, Policy.method.report, { request: create(ReportRequestSchema, { attributes: [bag] }) }),
        );
        isSound();
        isShops();
      }),
      runs,
    ));

  it('as JSON', () =>
    fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(name, fc.oneof(text, fc.jsonValue())), { maxLength: 8 }),
        async (entries) => {
          forget();
          // Written by hand: a name may be there twice, and `__proto__` is one.
          const members = entries.map(([key, each]) => `${JSON.stringify(key)}:${JSON.stringify(each)}`);
          const payload = `{"attributes":{${[...members, '"__proto__":{"polluted":"1"}'].join()}}}`;
          const headers = { 'content-type': 'application/json', authorization: 'Bearer shop.cart' };
          const answer = await doors.http.inject({ method: 'POST', url: '/v1/check', headers, payload });
          expect([200, 400]).toContain(answer.statusCode);
          isSound();
          isShops();
        },
      ),
      runs,
    ));

  it('in Mixer’s words', () =>
    fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.integer({ min: -12, max: 300 }), fc.integer({ min: -12, max: 300 })), {
          maxLength: 8,
        }),
        fc.array(text, { maxLength: 8 }),
        async (pairs, words) => {
          forget();
          const strings = Object.fromEntries(pairs);
          const stringMaps = Object.fromEntries(pairs.map(([key]) => [key, { entries: strings }]));
          const request = create(MixerCheck, { attributes: { words, strings, stringMaps } });
          await isAnswered(call(doors, Mixer.method.check, { request }));
          isSound();
          isShops();
        },
      ),
      runs,
    ));

  it('in logs of OpenTelemetry', () =>
    fc.assert(
      fc.asyncProperty(attributes, async (entries) => {
        forget();
        const record = {
          attributes: entries.map(([key, each]) => ({
            key,
            value: {
              value: each.case === 'int64Value' ? { case: 'intValue' as const, value: each.value } : each,
            },
          })),
        };
        const request = create(ExportLogsServiceRequestSchema, {
          resourceLogs: [{ scopeLogs: [{ logRecords: [Object(record)] }] }],
        });
        await isAnswered(call(doors, LogsService.method.export, { request }));
        isSound();
        isShops();
      }),
      runs,
    ));

  it('in headers and identities that Envoy passes on', () =>
    fc.assert(
      fc.asyncProperty(texts, text, text, async (headers, path, principal) => {
        forget();
        const context = create(AttributeContextSchema, {
          source: {
            principal,
            address: { address: { case: 'socketAddress', value: { address: path.slice(0, 50) } } },
          },
          request: {
            http: {
              method: 'GET',
              path,
              host: path,
              headers: { ...headers, 'x-forwarded-client-cert': principal },
            },
          },
          metadataContext: {
            filterMetadata: {
              'envoy.filters.http.jwt_authn': { payload: { sub: path, iss: principal, ...headers } },
            },
          },
        });
        const request = create(EnvoyCheck, { attributes: context });
        await isAnswered(call(doors, Authorization.method.check, { request, headers: asProxy }));
        isSound();
        for (const bag of bags()) {
          expect(bag.get('destination.uid')).toBe('kubernetes://cart-1.shop');
          expect(bag.get('context.reporter.kind')).toBe('inbound');
          // XFCC is a header like any other here: it says nothing about who calls.
          if (!principal.startsWith('spiffe://')) expect(bag.get('source.namespace')).toBeUndefined();
        }
      }),
      runs,
    ));

  it('in descriptors of rate limits', () =>
    fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(name, text), { maxLength: 8 }), async (entries) => {
        forget();
        const descriptors = [{ entries: entries.map(([key, each]) => ({ key, value: each })) }];
        const request = create(RateLimitRequestSchema, { domain: 'q', descriptors });
        await isAnswered(call(doors, RateLimitService.method.shouldRateLimit, { request, headers: asProxy }));
        isSound();
        for (const bag of bags()) expect(bag.get('destination.namespace')).toBe('shop');
      }),
      runs,
    ));

  it('in lines of access logs', () =>
    fc.assert(
      fc.asyncProperty(texts, text, async (tags, path) => {
        forget();
        const entry = {
          commonProperties: { customTags: tags },
          request: { path, requestHeaders: tags, userAgent: path },
          response: { responseHeaders: tags, responseTrailers: tags },
        };
        const message = create(StreamAccessLogsMessageSchema, {
          logEntries: { case: 'httpLogs', value: { logEntry: [entry] } },
        });
        await streamed(
          AccessLogService.method.streamAccessLogs,
          encode(StreamAccessLogsMessageSchema, message),
        );
        isSound();
        for (const bag of bags()) expect(bag.get('destination.uid')).toBe('kubernetes://cart-1.shop');
      }),
      runs,
    ));

  it('that are no messages at all', () =>
    fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), async (request) => {
        forget();
        const ofPrograms = [
          Policy.method.check,
          Policy.method.report,
          Mixer.method.check,
          LogsService.method.export,
        ];
        const ofProxies = [Authorization.method.check, RateLimitService.method.shouldRateLimit];
        for (const method of ofPrograms)
          await isAnswered(call(doors, Object(method), { request, headers: asShop }));
        for (const method of ofProxies)
          await isAnswered(call(doors, Object(method), { request, headers: asProxy }));
        await streamed(AccessLogService.method.streamAccessLogs, request);
        isSound();
      }),
      { ...runs, numRuns: 15 },
    ));

  it('are counted, and named to who said them', async () => {
    const payload =
      '{"attributes":{"__proto__":{"polluted":"1"},"constructor":"x","source.ip":"10.0.0.1","request.size":"much"}}';
    const headers = { 'content-type': 'application/json', authorization: 'Bearer shop.cart' };
    const answer = await doors.http.inject({ method: 'POST', url: '/v1/check', headers, payload });
    const dropped: readonly { name: string }[] = answer.json().dropped;
    expect(dropped.map((each) => each.name).sort()).toEqual([
      '__proto__',
      'constructor',
      'request.size',
      'source.ip',
    ]);
    const counted = await doors.counted('xebec_policy_dropped_attributes_total');
    expect(counted.filter(({ labels }) => labels['door'] === 'http').length).toBeGreaterThan(0);
  });
});

/** Sends one message and ends; the status of the stream. */
function streamed(method: Parameters<typeof pathOf>[0], bytes: Uint8Array): Promise<number> {
  const same = (buffer: Buffer): Buffer => buffer;
  const stream = doors.client.makeBidiStreamRequest(pathOf(method), same, same, asProxy, {
    deadline: Date.now() + 10_000,
  });
  return new Promise((resolve) => {
    stream.on('data', () => undefined).on('error', () => undefined);
    stream.on('status', (status: { code: number }) => resolve(status.code));
    stream.write(asBuffer(bytes));
    stream.end();
  });
}

describe('amounts of quota that are none', () => {
  const charged = (): readonly bigint[] => doors.engine.charges.map(({ asked }) => asked.amount);

  it.each([
    '-1',
    '1.5',
    '1e30',
    '9223372036854775808',
    '"9223372036854775808"',
    '"1.5"',
    '"NaN"',
    'null',
    'true',
    '[]',
    '{}',
  ])('JSON: %s is refused with the field', async (amount) => {
    const headers = { 'content-type': 'application/json', authorization: 'Bearer shop.cart' };
    for (const [url, payload] of [
      ['/v1/quotas/allocate', `{"quota":"q","amount":${amount}}`],
      ['/v1/check', `{"quotas":{"q":${amount}}}`],
      ['/v1/quotas/release', `{"quota":"q","amount":${amount === 'null' ? '1.5' : amount}}`],
    ] as const) {
      const answer = await doors.http.inject({ method: 'POST', url, headers, payload });
      expect([url, answer.statusCode, answer.json().error.name]).toEqual([url, 400, 'INVALID_ARGUMENT']);
    }
    expect(charged()).toEqual([]);
  });

  it('NaN is no JSON', async () => {
    const headers = { 'content-type': 'application/json', authorization: 'Bearer shop.cart' };
    const payload = '{"quota":"q","amount":NaN}';
    const answer = await doors.http.inject({ method: 'POST', url: '/v1/quotas/allocate', headers, payload });
    expect([answer.statusCode, charged()]).toEqual([400, []]);
  });

  it('gRPC and Mixer: nobody takes less than nothing', async () => {
    const amount = -1n;
    const calls = [
      call(doors, Policy.method.allocateQuota, {
        request: create(AllocateQuotaRequestSchema, { quota: 'q', amount }),
      }),
      call(doors, Policy.method.releaseQuota, {
        request: create(ReleaseQuotaRequestSchema, { quota: 'q', amount }),
      }),
      call(doors, Policy.method.check, {
        request: create(CheckRequestSchema, { quotas: { q: { amount } } }),
      }),
      call(doors, Mixer.method.check, { request: create(MixerCheck, { quotas: { q: { amount } } }) }),
    ];
    expect(await Promise.all(calls.map(code))).toEqual([3, 3, 3, 3]);
    expect(charged()).toEqual([]);
  });

  it('proxies: more than a 64-bit number, or than there can be', async () => {
    const descriptors = [{ entries: [{ key: 'request.host', value: 'a' }], hitsAddend: 2n ** 64n - 1n }];
    const request = create(RateLimitRequestSchema, { domain: 'q', descriptors });
    expect(
      await code(call(doors, RateLimitService.method.shouldRateLimit, { request, headers: asProxy })),
    ).toBe(3);
    const report = create(RateLimitQuotaUsageReportsSchema, {
      domain: 'q',
      bucketQuotaUsages: [
        { bucketId: { bucket: { 'request.host': 'a' } }, numRequestsAllowed: 2n ** 64n - 1n },
      ],
    });
    const bytes = encode(RateLimitQuotaUsageReportsSchema, report);
    expect(await streamed(RateLimitQuotaService.method.streamRateLimitQuotas, bytes)).toBe(3);
    expect(charged()).toEqual([]);
  });
});

it('knows no attribute of JavaScript', () => {
  for (const word of hostileWords) expect(istioVocabulary.get(word)).toBeUndefined();
});
