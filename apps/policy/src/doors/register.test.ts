// The doors of rate limits, quota assignments, access logs and OpenTelemetry, each over gRPC once.
import { create, fromBinary } from '@bufbuild/protobuf';
import { encode } from '@xebec/protos';
import {
  AccessLogService,
  StreamAccessLogsMessageSchema,
} from '@xebec/protos/envoy/service/accesslog/v3/als_pb';
import {
  RateLimitQuotaResponseSchema,
  RateLimitQuotaService,
  RateLimitQuotaUsageReportsSchema,
} from '@xebec/protos/envoy/service/rate_limit_quota/v3/rlqs_pb';
import {
  RateLimitRequestSchema,
  RateLimitResponse_Code,
  RateLimitService,
} from '@xebec/protos/envoy/service/ratelimit/v3/rls_pb';
import {
  ExportLogsServiceRequestSchema,
  LogsService,
} from '@xebec/protos/opentelemetry/proto/collector/logs/v1/logs_service_pb';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { asBuffer, pathOf } from './rpc/unary.ts';
import { asShop, call, headersOf, openTestDoors, type TestDoors } from './testing/doors.ts';
import { shopWorkloads } from './testing/shop-workloads.ts';

let doors: TestDoors;
beforeEach(async () => {
  doors = await openTestDoors({ plaintextCallers: 'proxies', workloads: shopWorkloads });
});
afterEach(() => doors.close());

const asProxy = headersOf({ 'xebec-workload': 'shop/cart-1' });
const same = (buffer: Buffer): Buffer => buffer;
const openStream = (method: Parameters<typeof pathOf>[0]) => {
  const stream = doors.client.makeBidiStreamRequest(pathOf(method), same, same, asProxy);
  stream.on('error', () => undefined);
  return stream;
};

it('a rate limit is a quota: its domain names it, its entries are attributes', async () => {
  const request = create(RateLimitRequestSchema, {
    domain: 'rate.istio-system',
    descriptors: [
      {
        entries: [
          { key: 'request.headers[x-user]', value: 'ann' },
          { key: 'request.size', value: '12' },
          { key: 'destination.namespace', value: 'forged' },
        ],
      },
    ],
    hitsAddend: 6,
  });
  const ask = () => call(doors, RateLimitService.method.shouldRateLimit, { request, headers: asProxy });
  expect(await ask()).toMatchObject({
    overallCode: RateLimitResponse_Code.OK,
    statuses: [{ limitRemaining: 4 }],
  });
  const refused = await ask();
  expect(refused.overallCode).toBe(RateLimitResponse_Code.OVER_LIMIT);
  expect(
    Object.fromEntries(refused.responseHeadersToAdd.map(({ key, value }) => [key, value])),
  ).toMatchObject({ 'retry-after': '30' });
  const [charge] = doors.engine.charges;
  expect([charge?.name, charge?.asked.amount]).toEqual(['rate.istio-system', 6n]);
  expect(charge?.attributes.get('request.headers')).toEqual(new Map([['x-user', 'ann']]));
  expect([charge?.attributes.get('request.size'), charge?.attributes.get('destination.namespace')]).toEqual([
    12n,
    'shop',
  ]);
});

it('quota is assigned to proxies beforehand, and what they did not use comes back with the stream’s end', async () => {
  const stream = openStream(RateLimitQuotaService.method.streamRateLimitQuotas);
  const answered = new Promise<Buffer>((resolve) => stream.once('data', resolve));
  const report = create(RateLimitQuotaUsageReportsSchema, {
    domain: 'rate',
    bucketQuotaUsages: [
      { bucketId: { bucket: { 'request.host': 'a' } }, numRequestsAllowed: 2n, numRequestsDenied: 0n },
    ],
  });
  stream.write(asBuffer(encode(RateLimitQuotaUsageReportsSchema, report)));
  const { bucketAction } = fromBinary(RateLimitQuotaResponseSchema, await answered);
  expect(bucketAction.slice(1)).toMatchObject([
    {
      bucketId: { bucket: { 'request.host': 'a' } },
      bucketAction: {
        value: { rateLimitStrategy: { strategy: { case: 'tokenBucket', value: { maxTokens: 4 } } } },
      },
    },
  ]);
  expect(doors.engine.used).toBe(6n);
  stream.cancel();
  await expect.poll(() => doors.engine.used, { timeout: 5_000 }).toBe(2n);
});

it('access logs are reports', async () => {
  const stream = openStream(AccessLogService.method.streamAccessLogs);
  const message = create(StreamAccessLogsMessageSchema, {
    identifier: { node: { id: 'sidecar~127.0.1.1~cart-1.shop~shop.svc' }, logName: 'xebec.policy.report' },
    logEntries: { case: 'httpLogs', value: { logEntry: [{ response: { responseCode: 200 } }] } },
  });
  stream.write(asBuffer(encode(StreamAccessLogsMessageSchema, message)));
  await expect.poll(() => doors.engine.bags.length, { timeout: 5_000 }).toBe(1);
  expect(doors.engine.bags[0]?.get('destination.uid')).toBe('kubernetes://cart-1.shop');
  stream.end();
  await new Promise((resolve) => stream.once('end', resolve).resume());
});

it('logs of OpenTelemetry are reports, of who sends them', async () => {
  await doors.close();
  doors = await openTestDoors();
  const text = (key: string, stringValue: string) => ({
    key,
    value: { value: { case: 'stringValue', value: stringValue } as const },
  });
  const request = create(ExportLogsServiceRequestSchema, {
    resourceLogs: [
      {
        resource: { attributes: [text('api.service', 'jobs'), text('service.name', 'not ours')] },
        scopeLogs: [
          {
            logRecords: [
              {
                timeUnixNano: 5n,
                attributes: [text('request.path', '/x'), text('source.namespace', 'forged')],
              },
            ],
          },
        ],
      },
    ],
  });
  await call(doors, LogsService.method.export, { request, headers: asShop });
  expect(Object.fromEntries(doors.engine.bags[0] ?? [])).toMatchObject({
    'api.service': 'jobs',
    'request.path': '/x',
    'source.namespace': 'shop',
    'context.time': { nanoseconds: 5n },
  });
});

it('a stream of nobody is refused', async () => {
  await doors.close();
  doors = await openTestDoors();
  const stream = doors.client.makeBidiStreamRequest(
    pathOf(AccessLogService.method.streamAccessLogs),
    same,
    same,
    asShop,
  );
  const failed = new Promise<Error>((resolve) => stream.once('error', resolve));
  stream.resume();
  expect(await failed).toMatchObject({ code: 16 });
});
