// Faults happen where the request arrives, so that the caller's retries and timeouts act on them.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fetchText, tally } from './support/http.ts';
import { marker, type Shop, startShop, to, virtualService } from './support/shop.ts';

let shop: Shop;
beforeAll(async () => {
  shop = await startShop();
}, 240_000);
afterAll(async () => {
  await shop?.stop();
});

const status = ({ status: code }: { readonly status: number }): string => String(code);
const abort = (value: number, httpStatus = 503) => ({ abort: { httpStatus, percentage: { value } } });
const retries = { attempts: 5, retryOn: '5xx', backoff: '1ms' };

describe('[BY-13] a fault at the destination', () => {
  it('is retried: half of all attempts fail, the requests do not', async () => {
    await shop.route({ http: [{ fault: abort(50), retries, route: [to('v1')] }] });
    const counts = await tally(await shop.target('/'), 400, status);
    expect(counts['200']).toBeGreaterThanOrEqual(380);
  });

  it('shows in the log of the destination with FI, in that of the caller as its answer', async () => {
    await shop.route({ http: [{ fault: abort(100, 555), route: [to('v1')] }] });
    const mark = marker();
    const answer = await shop.call('/', { marker: mark });
    expect([answer.status, answer.body]).toEqual([555, 'fault filter abort']);
    expect(await shop.logLine('shop-v1', mark)).toMatch(/ 555 FI fault_filter_abort /);
    expect(await shop.logLine('client', mark)).toMatch(/ 555 - via_upstream /);
    expect(await shop.seenBy('v1', mark)).toEqual([]);
  });

  it('is ended by the timeout of each try', async () => {
    const delay = { fixedDelay: '2s', percentage: { value: 100 } };
    const perTry = { attempts: 1, perTryTimeout: '100ms', retryOn: '5xx', backoff: '1ms' };
    await shop.route({ http: [{ fault: { delay }, retries: perTry, route: [to('v1')] }] });
    const mark = marker();
    const start = performance.now();
    expect((await shop.call('/', { marker: mark })).status).toBe(504);
    expect(performance.now() - start).toBeLessThan(1_000);
    expect(await shop.logLine('shop-v1', mark)).toMatch(/ 0 (DC|DI)[,\w]* /);
  });

  it('does not reach the application: neither the request nor the headers that ask for it', async () => {
    const delay = { fixedDelay: '5ms', percentage: { value: 100 } };
    await shop.route({ http: [{ fault: { delay }, route: [to('v1')] }] });
    const mark = marker();
    expect((await shop.call('/', { marker: mark })).status).toBe(200);
    expect(await shop.logLine('shop-v1', mark)).toMatch(/ 200 DI /);
    const [seen] = await shop.seenBy('v1', mark);
    expect(Object.keys(seen?.headers ?? {}).filter((name) => name.includes('fault'))).toEqual([]);
  });

  it('is not for copies', async () => {
    const http = [
      { fault: abort(100), mirror: { host: 'shop', subset: 'v2', port: { number: 80 } }, route: [to('v1')] },
    ];
    await shop.route({ http });
    const mark = marker();
    expect((await shop.call('/', { marker: mark })).status).toBe(503);
    expect(await shop.logLine('shop-v2', mark)).toMatch(/ 200 - /);
  });

  it('cannot be asked for by an application, a client of a gateway or in plain text', async () => {
    const gateways = ['mesh', 'shop'];
    await shop.route({ hosts: ['shop', 'shop.example'], gateways, http: [{ route: [to('v1')] }] });
    const headers = {
      'x-envoy-fault-abort-request': '503',
      'x-envoy-fault-abort-request-percentage': '1000000',
      'x-envoy-fault-delay-request': '9000',
      'x-envoy-fault-delay-request-percentage': '1000000',
    };
    const seen = async (mark: string) =>
      Object.keys((await shop.seenBy('v1', mark))[0]?.headers ?? {}).filter((name) => name.includes('fault'));
    const marks = [marker(), marker(), marker()] as const;
    const start = performance.now();
    const inside = await shop.call('/', { headers, marker: marks[0] });
    const outside = await fetchText({
      url: `${shop.ingress}/`,
      headers: { ...headers, host: 'shop.example', 'x-marker': marks[1] },
    });
    const { ip } = await shop.pod('shop-v1');
    const plain = await fetchText({
      url: `http://${ip}:8080/`,
      headers: { ...headers, 'x-marker': marks[2] },
    });
    expect([inside.status, outside.status, plain.status]).toEqual([200, 200, 200]);
    expect(performance.now() - start).toBeLessThan(5_000);
    expect(await Promise.all(marks.map(seen))).toEqual([[], [], []]);
  });

  it('of a gateway’s route is retried by the gateway', async () => {
    const http = [{ fault: abort(50), retries, route: [to('v1')] }];
    await shop.route({ hosts: ['shop.example'], gateways: ['shop'], http });
    const call = { url: `${shop.ingress}/`, headers: { host: 'shop.example' } };
    const counts = await tally(call, 200, status);
    expect(counts['200']).toBeGreaterThanOrEqual(190);
  });

  it('[DP-18] happens at the client where the annotation says so, as in Istio', async () => {
    const annotations = { 'xebec.io/fault-placement': 'client' };
    await shop.route({ http: [{ fault: abort(100), retries, route: [to('v1')] }] }, { annotations });
    const mark = marker();
    expect((await shop.call('/', { marker: mark })).status).toBe(503);
    expect(await shop.logLine('client', mark)).toMatch(/ 503 FI /);
    const wrong = { annotations: { 'xebec.io/fault-placement': 'server' } };
    const refused = await shop.apply(
      virtualService('shop', { hosts: ['shop'], http: [{ route: [to()] }] }, wrong),
    );
    expect([refused.code, refused.stderr]).toEqual([
      1,
      expect.stringContaining('write client or destination'),
    ]);
  });

  it('[DP-18] happens at the client where the destination is outside the mesh', async () => {
    const { ip } = await shop.pod('shop-v1');
    const entry = `apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: outside}
spec:
  hosts: [outside.example]
  ports: [{number: 80, targetPort: 8080, name: http, protocol: HTTP}]
  resolution: STATIC
  endpoints: [{address: ${ip}}]
`;
    expect((await shop.apply(entry)).code).toBe(0);
    const http = [{ fault: abort(100), route: [{ destination: { host: 'outside.example' } }] }];
    const applied = await shop.apply(virtualService('outside', { hosts: ['outside.example'], http }));
    expect(applied.code, applied.stderr).toBe(0);
    const mark = marker();
    expect((await shop.call('/', { host: 'outside.example', marker: mark })).status).toBe(503);
    expect(await shop.logLine('client', mark)).toMatch(/ 503 FI /);
  });
});

describe('[DP-18] shares', () => {
  it('are those that are written, of the requests that match', async () => {
    const delay = { fixedDelay: '1ms', percentage: { value: 20 } };
    const match = [{ headers: { tester: { exact: 'yes' } } }];
    await shop.route({
      http: [{ match, fault: { ...abort(30, 418), delay }, route: [to('v1')] }, { route: [to('v1')] }],
    });
    const counts = await tally(await shop.target('/', { headers: { tester: 'yes' } }), 2_000, status);
    // 99.9 % of samples of 2,000 at 30 % are within 3.3 standard deviations of 20.5.
    expect(Math.abs((counts['418'] ?? 0) - 600)).toBeLessThanOrEqual(68);
    expect(await tally(await shop.target('/'), 200, status)).toEqual({ 200: 200 });
  });

  it('of gRPC, where the answer says so', async () => {
    const fault = { abort: { grpcStatus: 'UNAVAILABLE', percentage: { value: 100 } } };
    await shop.route({ http: [{ fault, retries: { attempts: 0 }, route: [to('v1')] }] });
    const answer = await shop.call('/', { method: 'POST', headers: { 'content-type': 'application/grpc' } });
    expect([answer.status, answer.headers['grpc-status']]).toEqual([200, '14']);
  });
});
