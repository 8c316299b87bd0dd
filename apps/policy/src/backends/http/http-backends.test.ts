// Adapters over HTTP against servers of the test's own: what is sent, and what answers mean.
import { createHmac } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type Adapter,
  createOpentelemetry,
  createWebhook,
  createZipkin,
  type Handler,
  type Instance,
  Timestamp,
} from '@xebec/policy';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type BackendServer, instanceOf, startBackend, testContext } from '../testing/backend-server.ts';
import { openHttp } from './open-http.ts';

let backend: BackendServer;
const directory = mkdtempSync(join(tmpdir(), 'xebec-http-'));
const signal = new AbortController().signal;

beforeAll(async () => {
  backend = await startBackend();
});
beforeEach(() => {
  backend.answer = { status: 200, body: '{}' };
  backend.received.length = 0;
});
afterAll(async () => {
  await backend.close();
  rmSync(directory, { recursive: true });
});

async function build<Config>(
  adapter: Adapter<Config>,
  params: object,
  context = testContext(),
): Promise<Handler> {
  const parsed = adapter.parse({ url: backend.url, ...params });
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.diagnostics));
  return adapter.build(parsed.value, context);
}

const sent = (index = 0): unknown => JSON.parse(backend.received[index]?.body ?? 'null');
const start = new Timestamp(1_600_000_000_000_000_000n);
const end = new Timestamp(1_600_000_000_250_000_000n);

const span = (fields: Instance['fields'] = {}): Instance =>
  instanceOf('tracespan', 'span', {
    trace_id: 'a'.repeat(16),
    span_id: '00f0',
    span_name: '/reviews',
    start_time: start,
    end_time: end,
    httpStatusCode: 503n,
    client_span: false,
    source_name: 'productpage',
    destination_name: 'reviews',
    span_tags: { 'http.method': 'GET' },
    ...fields,
  });

describe('webhook', () => {
  const instance = instanceOf('authorization', 'who', { subject: { user: 'jason' }, action: { path: '/' } });

  it('[MX-6] is asked with a signature, and decides', async () => {
    const key = join(directory, 'key');
    const token = join(directory, 'token');
    writeFileSync(key, 'secret\n');
    writeFileSync(token, 'abc\n');
    backend.answer = { status: 200, body: '{"allow": true}' };
    const params = {
      url: `${backend.url}/hook`,
      signatureKeyPath: key,
      tokenPath: token,
      validDuration: '5s',
    };
    const handler = await build(createWebhook(openHttp), params);
    expect(await handler.check?.(instance, signal)).toEqual({
      status: { code: 0, message: '' },
      validDurationMs: 5_000,
      validUseCount: 1,
    });
    const [request] = backend.received;
    expect(request?.path).toBe('/hook');
    expect(request?.headers.authorization).toBe('Bearer abc');
    const [, seconds, signature] =
      /^t=(\d+),v1=(\w+)$/.exec(String(request?.headers['x-xebec-signature'])) ?? [];
    const expected = createHmac('sha256', 'secret').update(`${seconds}.${request?.body}`).digest('hex');
    expect(signature).toBe(expected);
    expect(sent()).toEqual({
      kind: 'check',
      handler: 'h.handler.default',
      instance: {
        name: 'who.instance.default',
        template: 'authorization',
        fields: { subject: { user: 'jason' }, action: { path: '/' } },
      },
    });
    backend.answer = { status: 200, body: '{"allow": false, "message": "not you"}' };
    expect(await handler.check?.(instance, signal)).toMatchObject({
      status: { code: 7, message: 'not you' },
    });
    backend.answer = { status: 401, body: '' };
    expect(await handler.check?.(instance, signal)).toMatchObject({ status: { code: 16 } });
    await handler.close?.();
  });

  it('fails, and allows nothing, when the answer is none', async () => {
    const handler = await build(createWebhook(openHttp), { timeout: '0.2s' });
    for (const answer of [
      { status: 500, body: '{"allow": true}' },
      { status: 302, body: '{"allow": true}' },
      { status: 200, body: '{"allow": "true"}' },
      { status: 200, body: 'yes' },
      { status: 200, body: ' '.repeat(2_000_000) },
      undefined,
    ]) {
      backend.answer = answer;
      await expect(Promise.resolve(handler.check?.(instance, signal))).rejects.toThrow();
    }
    await handler.close?.();
  });

  it('tells reports in batches', async () => {
    const handler = await build(createWebhook(openHttp), {});
    await handler.report?.([span(), span()], signal);
    expect(sent()).toMatchObject({ kind: 'report', instances: [{ template: 'tracespan' }, {}] });
    backend.answer = { status: 503, body: '' };
    await expect(Promise.resolve(handler.report?.([span()], signal))).rejects.toThrow('503');
    await handler.close?.();
  });
});

describe('zipkin', () => {
  it('[MX-6] gets spans', async () => {
    const context = testContext();
    const params = { url: `${backend.url}/api/v2/spans` };
    const handler = await build(createZipkin(openHttp), params, context);
    await handler.report?.([span(), span({ client_span: true }), span({ trace_id: 'nonsense' })], signal);
    expect(backend.received[0]?.path).toBe('/api/v2/spans');
    const of = {
      traceId: 'a'.repeat(16).padStart(32, '0'),
      id: '00000000000000f0',
      name: '/reviews',
      timestamp: 1_600_000_000_000_000,
      duration: 250_000,
      tags: { 'http.method': 'GET', 'http.status_code': '503', error: '503' },
    };
    const productpage = { serviceName: 'productpage' };
    const reviews = { serviceName: 'reviews' };
    expect(sent()).toEqual([
      { ...of, kind: 'SERVER', localEndpoint: reviews, remoteEndpoint: productpage },
      { ...of, kind: 'CLIENT', localEndpoint: productpage, remoteEndpoint: reviews },
    ]);
    expect(context.lost()).toBe(1);
    await handler.close?.();
  });

  it('gives the ends of a call spans of their own where that is asked for', async () => {
    const handler = await build(createZipkin(openHttp), {});
    const own = { rewrite_client_span_id: true };
    await handler.report?.([span(own), span({ ...own, client_span: true })], signal);
    const [server, client] = sent() as { id: string; parentId?: string }[];
    expect(server?.id).toBe('00000000000000f0');
    expect(client?.id).not.toBe(server?.id);
    expect(server?.parentId).toBe(client?.id);
    await handler.close?.();
  });

  it('gets none of the traces that are left out', async () => {
    const handler = await build(createZipkin(openHttp), { sampleProbability: 0 });
    await handler.report?.([span()], signal);
    expect(backend.received).toEqual([]);
    await handler.close?.();
  });
});

describe('opentelemetry', () => {
  const metric = (name: string, value: bigint | number, path: string): Instance =>
    instanceOf('metric', name, { value, dimensions: { path } });

  const params = {
    resource: { 'service.name': 'mesh' },
    metrics: {
      requests: { name: 'requests_total' },
      latency: { kind: 'DISTRIBUTION', unit: 's', buckets: [0.1, 1] },
    },
  };

  it('[MX-6] gets metrics, logs and spans', async () => {
    const handler = await build(createOpentelemetry(openHttp), params);
    await handler.report?.(
      [
        metric('requests', 1n, '/a'),
        metric('requests', 2n, '/a'),
        metric('requests', 1n, '/b'),
        metric('latency', 0.5, '/a'),
        metric('others', 1n, '/a'),
        instanceOf('logentry', 'log', { severity: 'Warning', timestamp: start, variables: { code: 503n } }),
        span(),
      ],
      signal,
    );
    const bodies = new Map(backend.received.map(({ path, body }) => [path, JSON.parse(body) as unknown]));
    expect([...bodies.keys()].sort()).toEqual(['/v1/logs', '/v1/metrics', '/v1/traces']);
    expect(bodies.get('/v1/metrics')).toMatchObject({
      resourceMetrics: [
        {
          resource: { attributes: [{ key: 'service.name', value: { stringValue: 'mesh' } }] },
          scopeMetrics: [
            {
              metrics: [
                {
                  name: 'requests_total',
                  sum: {
                    aggregationTemporality: 1,
                    isMonotonic: true,
                    dataPoints: [
                      { asDouble: 3, attributes: [{ key: 'path', value: { stringValue: '/a' } }] },
                      { asDouble: 1 },
                    ],
                  },
                },
                {
                  name: 'latency',
                  histogram: { dataPoints: [{ count: '1', sum: 0.5, bucketCounts: ['0', '1', '0'] }] },
                },
              ],
            },
          ],
        },
      ],
    });
    expect(bodies.get('/v1/logs')).toMatchObject({
      resourceLogs: [
        {
          scopeLogs: [
            {
              logRecords: [
                {
                  timeUnixNano: '1600000000000000000',
                  severityNumber: 13,
                  attributes: [{ key: 'code', value: { intValue: '503' } }],
                },
              ],
            },
          ],
        },
      ],
    });
    expect(bodies.get('/v1/traces')).toMatchObject({
      resourceSpans: [
        { scopeSpans: [{ spans: [{ spanId: '00000000000000f0', kind: 2, status: { code: 2 } }] }] },
      ],
    });
    await handler.close?.();
  });

  it('[MX-11] counts what the collector left out', async () => {
    const context = testContext();
    const handler = await build(createOpentelemetry(openHttp), params, context);
    backend.answer = { status: 200, body: '{"partialSuccess": {"rejectedDataPoints": "2"}}' };
    await handler.report?.([metric('requests', 1n, '/a')], signal);
    expect(context.lost()).toBe(2);
    expect(context.taken()).toBe(0);
    backend.answer = { status: 429, body: '' };
    await expect(Promise.resolve(handler.report?.([metric('requests', 1n, '/a')], signal))).rejects.toThrow(
      '429',
    );
    await handler.close?.();
  });
});
