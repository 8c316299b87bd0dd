// Envoy asks: what it says in the vocabulary of attributes, and what it is told.
import { create } from '@bufbuild/protobuf';
import { Timestamp } from '@xebec/policy';
import { HeaderValueOption_HeaderAppendAction as Append } from '@xebec/protos/envoy/config/core/v3/base_pb';
import { Authorization, CheckRequestSchema } from '@xebec/protos/envoy/service/auth/v3/external_auth_pb';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { sideOf, workloadOfNode } from '../proxies/side.ts';
import { call, headersOf, openTestDoors, shop, type TestDoors } from '../testing/doors.ts';
import { allowed } from '../testing/fake-engine.ts';
import { shopWorkloads } from '../testing/shop-workloads.ts';

let doors: TestDoors;
beforeEach(async () => {
  doors = await openTestDoors({ plaintextCallers: 'proxies', workloads: shopWorkloads });
});
afterEach(() => doors.close());

const socket = (address: string, portValue: number) => ({
  address: {
    case: 'socketAddress',
    value: { address, portSpecifier: { case: 'portValue', value: portValue } },
  } as const,
});

const request = create(CheckRequestSchema, {
  attributes: {
    source: { address: socket('127.0.1.2', 40_000), principal: 'spiffe://cluster.local/ns/front/sa/web' },
    destination: { address: socket('127.0.1.1', 9_090), principal: 'spiffe://cluster.local/ns/shop/sa/cart' },
    request: {
      time: { seconds: 10n },
      http: {
        method: 'POST',
        path: '/a/b?x=1&x=2&y=%20',
        host: 'metrics.shop',
        scheme: 'http',
        headers: {
          ':path': '/a',
          'user-agent': 'u',
          'content-length': '12',
          'x-request-id': 'r',
          'x-bad': 'a\ufffdb',
        },
        size: -1n,
      },
    },
    metadataContext: {
      filterMetadata: {
        'envoy.filters.http.jwt_authn': { payload: { iss: 'i', sub: 's', aud: ['a', 'b'], groups: ['g'] } },
      },
    },
  },
});
const asProxy = headersOf({
  'xebec-workload': 'shop/cart-1',
  'xebec-direction': 'inbound',
  'xebec-failure-policy': 'open',
});
const { check } = Authorization.method;

it('says the vocabulary of Mixer’s proxies [DP-22]', async () => {
  await call(doors, check, { request, headers: asProxy });
  const asked = doors.engine.checks[0];
  expect(asked?.failurePolicy).toBe('open');
  expect(Object.fromEntries(asked?.attributes ?? [])).toEqual({
    'source.principal': 'cluster.local/ns/front/sa/web',
    'source.user': 'cluster.local/ns/front/sa/web',
    'source.namespace': 'front',
    'source.serviceAccount': 'web',
    'source.uid': 'kubernetes://web-1.front',
    'source.name': 'web-1',
    'source.labels': new Map([['app', 'web']]),
    'source.ip': Uint8Array.of(127, 0, 1, 2),
    'destination.namespace': 'shop',
    'destination.uid': 'kubernetes://cart-1.shop',
    'destination.ip': Uint8Array.of(127, 0, 1, 1),
    'destination.port': 9090n,
    'destination.labels': new Map([['app', 'cart']]),
    'destination.service.host': 'metrics.shop.svc.cluster.local',
    'destination.service.name': 'metrics',
    'destination.service.namespace': 'shop',
    'destination.workload.name': 'cart',
    'context.reporter.kind': 'inbound',
    'context.reporter.uid': 'kubernetes://cart-1.shop',
    'context.protocol': 'http',
    'context.time': new Timestamp(10_000_000_000n),
    'context.timestamp': new Timestamp(10_000_000_000n),
    'connection.mtls': true,
    'request.time': new Timestamp(10_000_000_000n),
    'request.id': 'r',
    'request.method': 'POST',
    'request.host': 'metrics.shop',
    'request.scheme': 'http',
    'request.useragent': 'u',
    'request.size': 12n,
    'request.headers': new Map([
      [':path', '/a'],
      ['content-length', '12'],
      ['user-agent', 'u'],
      ['x-request-id', 'r'],
    ]),
    'request.path': '/a/b?x=1&x=2&y=%20',
    'request.url_path': '/a/b',
    'request.query_params': new Map([
      ['x', '1'],
      ['y', ' '],
    ]),
    'request.auth.principal': 'i/s',
    'request.auth.audiences': 'a,b',
    'request.auth.claims': new Map([
      ['aud', 'a,b'],
      ['groups', 'g'],
      ['iss', 'i'],
      ['sub', 's'],
    ]),
    'request.auth.raw_claims': '{"aud":["a","b"],"groups":["g"],"iss":"i","sub":"s"}',
  });
});

it('leaves out a header that is no text, and no other', async () => {
  await call(doors, check, { request, headers: asProxy });
  expect(await doors.counted('xebec_policy_dropped_attributes_total')).toMatchObject([
    { labels: { door: 'ext-authz', reason: 'malformed' }, value: 1 },
  ]);
});

describe('answers', () => {
  const ask = () => call(doors, check, { request, headers: asProxy });

  it('let through with headers changed', async () => {
    doors.engine.outcome = {
      ...allowed,
      requestHeaders: [
        { name: 'a', operation: 'REPLACE', values: ['1', '2'] },
        { name: 'b', operation: 'REMOVE', values: [] },
      ],
      responseHeaders: [{ name: 'c', operation: 'APPEND', values: ['3'] }],
    };
    const answer = await ask();
    expect(answer.status?.code).toBe(0);
    expect(answer.httpResponse).toMatchObject({
      case: 'okResponse',
      value: {
        headers: [
          { header: { key: 'a', value: '1' }, appendAction: Append.OVERWRITE_IF_EXISTS_OR_ADD },
          { header: { key: 'a', value: '2' }, appendAction: Append.APPEND_IF_EXISTS_OR_ADD },
        ],
        headersToRemove: ['b'],
        responseHeadersToAdd: [{ header: { key: 'c', value: '3' } }],
      },
    });
  });

  it.each([
    [7, 403, 'PERMISSION_DENIED'],
    [16, 401, 'UNAUTHENTICATED'],
    [8, 429, 'RESOURCE_EXHAUSTED'],
    [14, 503, 'UNAVAILABLE'],
    [99, 500, 'UNKNOWN'],
  ])('say %i as %i', async (code, http, name) => {
    const status = { code, message: 'deny.default:no' };
    doors.engine.outcome = {
      ...allowed,
      status,
      rules: [{ rule: 'r.rule.default', handler: 'deny.handler.default', status }],
    };
    expect(await ask()).toMatchObject({
      status: { code },
      httpResponse: {
        case: 'deniedResponse',
        value: { status: { code: http }, body: `${name}:deny.default:no` },
      },
      dynamicMetadata: { code, rule: 'r.rule.default', handler: 'deny.handler.default' },
    });
  });

  it('say when to come back', async () => {
    const status = { code: 8, message: 'no quota left' };
    const verdict = {
      status,
      granted: 0n,
      validDurationMs: 0,
      limit: 10n,
      remaining: 0n,
      resetMs: 1_500,
      references: [],
    };
    const engine = { ...allowed, quotas: new Map([['rate', verdict]]) };
    doors.engine.check = async () => engine;
    const answer = await ask();
    const headers = answer.httpResponse.case === 'deniedResponse' ? answer.httpResponse.value.headers : [];
    expect(Object.fromEntries(headers.map(({ header }) => [header?.key, header?.value]))).toEqual({
      'retry-after': '2',
      'x-ratelimit-limit': '10',
      'x-ratelimit-remaining': '0',
      'x-ratelimit-reset': '2',
    });
  });

  it('give a response in the service’s place', async () => {
    doors.engine.outcome = {
      ...allowed,
      directResponse: { httpStatus: 302, body: '', headers: { location: '/x' } },
    };
    expect(await ask()).toMatchObject({
      status: { code: 7 },
      httpResponse: {
        case: 'deniedResponse',
        value: { status: { code: 302 }, headers: [{ header: { key: 'location' } }] },
      },
    });
  });
});

describe('a proxy', () => {
  const proxy = { kind: 'proxy', identity: shop } as const;
  it.each([
    ['shop/cart-1', true],
    [undefined, true],
    ['shop/unknown', true],
    ['front/web-1', false],
    ['front/unknown', false],
  ])('of shop/cart that says %s', (name, isLetIn) => {
    expect('kind' in sideOf(proxy, name, shopWorkloads)).toBe(!isLetIn);
  });

  it('without a certificate is nobody', async () => {
    const strict = await openTestDoors({ plaintextCallers: 'apps' });
    await expect(call(strict, check, { request })).rejects.toMatchObject({ code: 16 });
    await strict.close();
  });

  it('is named by its node', () => {
    expect(workloadOfNode('sidecar~127.0.0.1~cart-1.shop~shop.svc.cluster.local')).toBe('shop/cart-1');
    expect(workloadOfNode('x')).toBeUndefined();
  });
});
