// The client against a service made up here: what is asked, what is kept, what is lost.
import { create, fromBinary, type MessageInitShape } from '@bufbuild/protobuf';
import * as grpc from '@grpc/grpc-js';
import { encode } from '@xebec/protos';
import {
  type CheckRequest,
  CheckRequestSchema,
  type CheckResponse,
  CheckResponseSchema,
  Policy,
  type ReportRequest,
  ReportRequestSchema,
  ReportResponseSchema,
} from '@xebec/protos/xebec/policy/v1/policy_pb';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createPolicyClient, type PolicyClient, type PolicyClientOptions } from './policy-client.ts';

const same = (bytes: Buffer): Buffer => bytes;
const definitionOf = (name: string): grpc.MethodDefinition<Buffer, Buffer> => ({
  path: `/${Policy.typeName}/${name}`,
  requestStream: false,
  responseStream: false,
  requestSerialize: same,
  requestDeserialize: same,
  responseSerialize: same,
  responseDeserialize: same,
});

const checks: CheckRequest[] = [];
const reports: ReportRequest[] = [];
let answer: (request: CheckRequest) => CheckResponse;
let isReachable = true;
let server: grpc.Server;
let client: PolicyClient;
let now = 1_000_000;
let port = 0;

type Fields = Exclude<MessageInitShape<typeof CheckResponseSchema>, CheckResponse>;

const allowed = (fields: Fields = {}): CheckResponse =>
  create(CheckResponseSchema, {
    status: { code: 0 },
    validDuration: { seconds: 5n },
    validUseCount: 3,
    references: [
      { name: 'request.path', isPresent: true },
      { name: 'request.headers', key: 'x', isPresent: false },
    ],
    ...fields,
  });

type Unary = grpc.handleUnaryCall<Buffer, Buffer>;

beforeEach(async () => {
  checks.length = 0;
  reports.length = 0;
  now = 1_000_000;
  isReachable = true;
  answer = () => allowed();
  server = new grpc.Server();
  const check: Unary = (call, reply) => {
    const request = fromBinary(CheckRequestSchema, call.request);
    checks.push(request);
    if (isReachable) reply(null, Buffer.from(encode(CheckResponseSchema, answer(request))));
    else reply({ code: grpc.status.UNAVAILABLE, details: 'gone' });
  };
  const report: Unary = (call, reply) => {
    if (!isReachable) return reply({ code: grpc.status.UNAVAILABLE, details: 'gone' });
    reports.push(fromBinary(ReportRequestSchema, call.request));
    reply(null, Buffer.from(encode(ReportResponseSchema, create(ReportResponseSchema))));
  };
  server.addService(
    { Check: definitionOf('Check'), Report: definitionOf('Report') },
    { Check: check, Report: report },
  );
  port = await new Promise((resolve, reject) =>
    server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    ),
  );
  client = open();
});

afterEach(async () => {
  await client.close();
  server.forceShutdown();
});

const open = (options: Partial<PolicyClientOptions> = {}): PolicyClient =>
  createPolicyClient({
    address: `127.0.0.1:${port}`,
    credentials: grpc.credentials.createInsecure(),
    now: () => now,
    ...options,
  });

describe('a decision [MX-1]', () => {
  it('is used again for calls that are equal in what it depends on, as often as it says', async () => {
    const from = async (path: string, extra = {}) =>
      (await client.check({ 'request.path': path, ...extra })).from;
    expect(await from('/a')).toBe('service');
    expect(await from('/a', { 'request.size': 7 })).toBe('cache');
    expect(await from('/b')).toBe('service');
    expect(await from('/a', { 'request.headers': { x: '1' } })).toBe('service');
    expect(await from('/a', { 'request.headers': { y: '1' } })).toBe('cache');
    expect(await from('/a')).toBe('service');
    expect(checks).toHaveLength(4);
    expect(client.counts()).toMatchObject({ checks: 6, hits: 2 });
  });

  it('is used no longer than it says', async () => {
    await client.check({ 'request.path': '/a' });
    now += 4_999;
    expect((await client.check({ 'request.path': '/a' })).from).toBe('cache');
    now += 2;
    expect((await client.check({ 'request.path': '/a' })).from).toBe('service');
  });

  it('that refuses is kept too', async () => {
    answer = () => allowed({ status: { code: 7, message: 'deny.default:no' } });
    for (const from of ['service', 'cache'])
      expect(await client.check({ 'request.path': '/a' })).toMatchObject({
        isAllowed: false,
        code: 7,
        message: 'deny.default:no',
        from,
      });
  });

  it('about something that is not there is not used for what is', async () => {
    answer = () => allowed({ references: [{ name: 'request.path', isPresent: false }] });
    await client.check({});
    expect((await client.check({})).from).toBe('cache');
    expect((await client.check({ 'request.path': '/a' })).from).toBe('service');
  });

  it('is found whatever order its references come in', async () => {
    const names = ['request.size', 'request.path', 'request.method'];
    answer = () => {
      names.push(...names.splice(0, 1));
      return allowed({ references: names.map((name) => ({ name, isPresent: name !== 'request.method' })) });
    };
    const ask = async (path: string) =>
      (await client.check({ 'request.size': 7, 'request.path': path })).from;
    const asked: string[] = [];
    for (const path of ['/a', '/a', '/b', '/b', '/a']) asked.push(await ask(path));
    expect(asked).toEqual(['service', 'cache', 'service', 'cache', 'cache']);
  });

  it('is one of a bounded number', async () => {
    await client.close();
    client = open({ cachedDecisions: 2 });
    for (const path of ['/a', '/b', '/c', '/a', '/c']) await client.check({ 'request.path': path });
    expect(checks.map(({ attributes }) => attributes?.attributes['request.path']?.value.value)).toEqual([
      '/a',
      '/b',
      '/c',
      '/a',
    ]);
  });
});

describe('without the service', () => {
  beforeEach(() => {
    isReachable = false;
  });
  it('the caller’s choice decides, and it is told so', async () => {
    expect(await client.check({ 'request.path': '/a' })).toMatchObject({
      isAllowed: false,
      from: 'fallback',
      code: 14,
    });
    expect(await client.check({ 'request.path': '/a' }, { whenUnavailable: 'allow' })).toMatchObject({
      isAllowed: true,
      from: 'fallback',
    });
    expect(client.counts().fallbacks).toBe(2);
  });

  it('decisions hold to their limits', async () => {
    isReachable = true;
    await client.check({ 'request.path': '/a' });
    isReachable = false;
    const from = [];
    for (let use = 0; use < 3; use += 1) from.push((await client.check({ 'request.path': '/a' })).from);
    expect(from).toEqual(['cache', 'cache', 'fallback']);
  });
});

describe('quota', () => {
  let left = 0n;
  beforeEach(() => {
    left = 20n;
    answer = ({ quotas }) => {
      const { amount = 0n, bestEffort = false } = quotas['q'] ?? {};
      const granted = amount <= left ? amount : bestEffort ? left : 0n;
      left -= granted;
      const result = {
        granted,
        validDuration: { seconds: 1n },
        status: { code: granted === 0n ? 8 : 0, message: 'used up' },
      };
      return allowed({ quotas: { q: result }, validUseCount: 10_000 });
    };
  });

  it('that is taken beforehand admits exactly as much as there is, and asks seldom', async () => {
    let admitted = 0;
    for (let call = 0; call < 40; call += 1) {
      const { isAllowed } = await client.check(
        { 'request.path': '/a' },
        { quotas: { q: { amount: 1, isPrefetched: true } } },
      );
      if (isAllowed) admitted += 1;
    }
    expect(admitted).toBe(20);
    expect(checks.filter(({ quotas }) => (quotas['q']?.amount ?? 0n) > 1n).length).toBeLessThan(30);
    expect(client.counts().hits).toBeGreaterThan(10);
  });

  it('that is not is asked for each time', async () => {
    for (const isAllowed of [true, true, false])
      expect(await client.check({ 'request.path': '/a' }, { quotas: { q: { amount: 10 } } })).toMatchObject({
        isAllowed,
        ...(isAllowed ? {} : { code: 8, message: 'used up' }),
      });
    expect(checks).toHaveLength(3);
  });

  it('taken beforehand is not used late', async () => {
    await client.check({ 'request.path': '/a' }, { quotas: { q: { amount: 1, isPrefetched: true } } });
    now += 1_001;
    const { from } = await client.check(
      { 'request.path': '/a' },
      { quotas: { q: { amount: 1, isPrefetched: true } } },
    );
    expect(from).toBe('service');
  });
});

describe('reports [MX-2]', () => {
  it('go together, each after the first with what differs', async () => {
    for (const path of ['/a', '/b', '/b'])
      client.report({ 'request.path': path, 'request.method': 'GET', 'request.time': new Date(5) });
    client.report({ 'request.method': 'GET' });
    await client.flush();
    expect(
      reports.map(({ isDelta, attributes }) => [
        isDelta,
        attributes.map((bag) => Object.keys(bag.attributes)),
      ]),
    ).toEqual([
      [true, [['request.method', 'request.path', 'request.time'], ['request.path'], []]],
      [true, [['request.method']]],
    ]);
    expect(client.counts().reports).toEqual({ sent: 4, lost: 0 });
  });

  it('that do not fit are lost and counted', async () => {
    await client.close();
    isReachable = false;
    client = open({ reports: { queued: 3, batch: 2, tries: 1 } });
    const taken = Array.from({ length: 5 }, () => client.report({ 'request.path': '/a' }));
    expect(taken).toEqual([true, true, true, false, false]);
    await client.flush();
    expect(client.counts().reports).toEqual({ sent: 0, lost: 5 });
  });

  it('wait while the service is away', async () => {
    isReachable = false;
    client.report({ 'request.path': '/a' });
    const flushed = client.flush();
    setTimeout(() => {
      isReachable = true;
    }, 60);
    await flushed;
    expect(client.counts().reports).toEqual({ sent: 1, lost: 0 });
  });
});
