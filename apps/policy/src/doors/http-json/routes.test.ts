// The API for whoever has no gRPC: plain JSON in, plain JSON out.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openTestDoors, type TestDoors } from '../testing/doors.ts';

let doors: TestDoors;
beforeEach(async () => {
  doors = await openTestDoors();
});
afterEach(() => doors.close());

async function post(
  path: string,
  body: unknown,
  headers: Readonly<Record<string, string>> = { authorization: 'Bearer shop.cart' },
) {
  const payload = typeof body === 'string' ? body : JSON.stringify(body);
  const answer = await doors.http.inject({
    method: 'POST',
    url: path,
    payload,
    headers: { 'content-type': 'application/json', ...headers },
  });
  return { status: answer.statusCode, body: JSON.parse(answer.body) };
}

describe('POST /v1/check', () => {
  it('decides, takes quota, and says what holds', async () => {
    const { status, body } = await post('/v1/check', {
      attributes: {
        'request.path': '/x',
        'request.size': 5,
        'request.headers': { a: 'b' },
        'request.time': '2026-01-01T00:00:00Z',
        'job.share': 0.5,
      },
      quotas: { cpu_seconds: 4, other: { amount: '2', bestEffort: true } },
      deduplicationId: 'job-1',
    });
    expect(status).toBe(200);
    expect(body).toMatchObject({
      allowed: true,
      status: { code: 0, name: 'OK' },
      validDuration: '5s',
      quotas: {
        cpu_seconds: { granted: 4, limit: 10, remaining: 6, resetsIn: '30s' },
        other: { granted: 2 },
      },
      dropped: [],
    });
    const bag = doors.engine.checks[0]?.attributes;
    expect([bag?.get('request.size'), bag?.get('job.share'), bag?.get('source.namespace')]).toEqual([
      5n,
      0.5,
      'shop',
    ]);
  });

  it('is not allowed when a quota is not', async () => {
    expect((await post('/v1/check', { quotas: { q: 11 } })).body).toMatchObject({
      allowed: false,
      status: { code: 0 },
      quotas: { q: { status: { code: 8, name: 'RESOURCE_EXHAUSTED' }, granted: 0 } },
    });
  });

  it('leaves out hostile attributes, and says which', async () => {
    const { body } = await post(
      '/v1/check',
      '{"attributes": {"__proto__": {"x": "y"}, "request.path": 5, "request.method": null, "request.headers": {"__proto__": "v"}, "source.ip": "1.2.3.4"}}',
    );
    expect(body.dropped).toEqual([
      { name: 'request.method', reason: 'malformed' },
      { name: '__proto__', reason: 'unknown' },
      { name: 'request.path', reason: 'wrong-type' },
      { name: 'source.ip', reason: 'not-yours' },
    ]);
    expect(doors.engine.checks[0]?.attributes.get('request.headers')).toEqual(new Map([['__proto__', 'v']]));
  });

  it.each([
    ['{', 400],
    ['[]', 400],
    ['{"attribute": {}}', 400],
    ['{"quotas": {"q": 1.5}}', 400],
    ['{"quotas": {"q": -1}}', 400],
    ['{"quotas": {"q": 9007199254740993}}', 400],
  ])('refuses %s', async (body, status) => {
    expect((await post('/v1/check', body)).status).toBe(status);
    expect(doors.engine.checks).toEqual([]);
  });

  it('asks who is there', async () => {
    expect((await post('/v1/check', {}, {})).status).toBe(401);
  });
});

it('POST /v1/report takes bags', async () => {
  const { body } = await post('/v1/report', {
    bags: [{ 'request.path': '/a' }, { 'request.path': '/b', 'no.such': 1 }],
  });
  expect(body).toEqual({ accepted: 2, droppedAttributes: 1 });
  expect(doors.engine.bags.map((bag) => bag.get('request.path'))).toEqual(['/a', '/b']);
});

it('quota is allocated, looked at and given back', async () => {
  const allocated = await post('/v1/quotas/allocate', { quota: 'q', amount: 4, deduplicationId: 'a' });
  expect(allocated.body).toMatchObject({ allowed: true, granted: 4, remaining: 6 });
  expect((await post('/v1/quotas/inspect', { quota: 'q' })).body).toMatchObject({ granted: 0, remaining: 6 });
  expect(
    (await post('/v1/quotas/release', { quota: 'q', amount: 3, deduplicationId: 'a' })).body,
  ).toMatchObject({ granted: 3, remaining: 9 });
  expect((await post('/v1/quotas/release', { quota: 'q', deduplicationId: 'b' })).status).toBe(404);
});
