// Programs ask over gRPC: what they say is taken as far as it is theirs to say.
import { create, fromBinary, type MessageInitShape } from '@bufbuild/protobuf';
import type { ClientDuplexStream } from '@grpc/grpc-js';
import { encode } from '@xebec/protos';
import {
  AllocateQuotaRequestSchema,
  AttributesSchema,
  CheckRequestSchema,
  Policy,
  ReleaseQuotaRequestSchema,
  ReportRequestSchema,
  SessionRequestSchema,
  type SessionResponse,
  SessionResponseSchema,
} from '@xebec/protos/xebec/policy/v1/policy_pb';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { asBuffer, pathOf } from '../rpc/unary.ts';
import { asShop, call, headersOf, openTestDoors, type TestDoors } from '../testing/doors.ts';
import { allowed } from '../testing/fake-engine.ts';
import { writeAttributes } from './values.ts';

let doors: TestDoors;
beforeEach(async () => {
  doors = await openTestDoors();
});
afterEach(() => doors.close());

const { method } = Policy;
const said = (attributes: Parameters<typeof writeAttributes>[0]) => writeAttributes(attributes);
const check = (init: MessageInitShape<typeof CheckRequestSchema>, headers = asShop) =>
  call(doors, method.check, { request: create(CheckRequestSchema, init), headers });

describe('a check', () => {
  it('asks the engine with what was said, and who really says it', async () => {
    const attributes = said(
      new Map<string, string | bigint | Map<string, string>>([
        ['request.path', '/x'],
        ['request.size', 7n],
        ['request.headers', new Map([['a', 'b']])],
        ['source.principal', 'cluster.local/ns/bank/sa/boss'],
        ['context.reporter.kind', 'inbound'],
        ['request.auth.principal', 'someone'],
      ]),
    );
    const answer = await check({ attributes });
    const bag = doors.engine.checks[0]?.attributes;
    expect(bag?.get('request.path')).toBe('/x');
    expect(bag?.get('request.size')).toBe(7n);
    expect(bag?.get('source.principal')).toBe('cluster.local/ns/shop/sa/cart');
    expect(bag?.get('source.namespace')).toBe('shop');
    expect(bag?.get('source.ip')).toEqual(Uint8Array.of(127, 0, 0, 1));
    expect(bag?.get('destination.namespace')).toBe('shop');
    expect([bag?.has('context.reporter.kind'), bag?.has('request.auth.principal')]).toEqual([false, false]);
    expect(answer.dropped.map(({ name, reason }) => [name, reason])).toEqual([
      ['context.reporter.kind', 'not-yours'],
      ['request.auth.principal', 'not-yours'],
      ['source.principal', 'not-yours'],
    ]);
    const [drops] = await doors.counted('xebec_policy_dropped_attributes_total');
    expect([drops?.labels, drops?.value]).toEqual([{ door: 'grpc', reason: 'not-yours' }, 3]);
  });

  it('says how long, how often and for what the decision holds, but for what the caller cannot see', async () => {
    doors.engine.outcome = {
      ...allowed,
      status: { code: 7, message: 'deny.default:no' },
      references: [
        { name: 'request.headers', key: 'a', isPresent: true },
        { name: 'source.namespace', isPresent: true },
        { name: 'request.path', isPresent: false },
      ],
    };
    const answer = await check({});
    expect(answer.status).toMatchObject({ code: 7, message: 'deny.default:no' });
    expect([answer.validDuration?.seconds, answer.validUseCount]).toEqual([5n, 100]);
    expect(answer.references.map(({ name, key, isPresent }) => [name, key, isPresent])).toEqual([
      ['request.headers', 'a', true],
      ['request.path', '', false],
    ]);
  });

  it('is refused to who proves nothing', async () => {
    await expect(check({}, headersOf({}))).rejects.toMatchObject({ code: 16 });
    expect(doors.engine.checks).toEqual([]);
  });

  it('leaves out what is hostile, counts it, and decides on the rest', async () => {
    const attributes = said(
      new Map<string, string | bigint>([
        ['request.path', 'x'.repeat(70_000)],
        ['request.method', 5n],
        ['constructor', 'x'],
        ['request.host', 'bookinfo'],
      ]),
    );
    const answer = await check({ attributes });
    expect(answer.dropped.map(({ name, reason }) => [name, reason])).toEqual([
      ['constructor', 'unknown'],
      ['request.method', 'wrong-type'],
      ['request.path', 'too-large'],
    ]);
    expect(doors.engine.checks[0]?.attributes.get('request.host')).toBe('bookinfo');
  });

  it('survives text that is no UTF-8: that attribute is left out', async () => {
    const good = encode(
      CheckRequestSchema,
      create(CheckRequestSchema, {
        attributes: said(
          new Map([
            ['request.path', 'QQQ'],
            ['request.host', 'h'],
          ]),
        ),
      }),
    );
    const bad = Uint8Array.from(good);
    const at = Buffer.from(good).indexOf('QQQ');
    bad[at + 1] = 0xff;
    const answer = await call(doors, method.check, { request: bad });
    expect(answer.dropped.map(({ name, reason }) => [name, reason])).toEqual([['request.path', 'malformed']]);
    expect(doors.engine.checks[0]?.attributes.get('request.host')).toBe('h');
  });

  it('takes quotas, with ids that are this caller’s own', async () => {
    const answer = await check({
      quotas: { cpu_seconds: { amount: 4n, bestEffort: false } },
      deduplicationId: 'a',
    });
    expect(answer.quotas['cpu_seconds']).toMatchObject({ granted: 4n, limit: 10n, remaining: 6n });
    expect(doors.engine.checks[0]?.quotas?.get('cpu_seconds')?.deduplicationId).toBe(
      'cluster.local/ns/shop/sa/cart\0a',
    );
    await expect(check({ quotas: { cpu_seconds: { amount: -4n } } })).rejects.toMatchObject({ code: 3 });
  });
});

describe('a report', () => {
  it('[MX-2] that is tried again is taken once', async () => {
    const attributes = [said(new Map([['request.path', '/again']]))];
    const request = create(ReportRequestSchema, { attributes, deduplicationId: 'one' });
    const answers = [
      await call(doors, method.report, { request }),
      await call(doors, method.report, { request }),
    ];
    expect(answers.map(({ accepted, isRepeated }) => [accepted, isRepeated])).toEqual([
      [1n, false],
      [1n, true],
    ]);
    expect(doors.engine.bags).toHaveLength(1);
  });

  it('has bags that each change the one before', async () => {
    const bag = (path: string, size?: bigint) =>
      said(
        new Map<string, string | bigint>([
          ['request.path', path],
          ...(size === undefined ? [] : [['request.size', size] as const]),
        ]),
      );
    const request = create(ReportRequestSchema, { attributes: [bag('/a', 1n), bag('/b')], isDelta: true });
    const answer = await call(doors, method.report, { request });
    expect(answer.accepted).toBe(2n);
    expect(doors.engine.bags.map((each) => [each.get('request.path'), each.get('request.size')])).toEqual([
      ['/a', 1n],
      ['/b', 1n],
    ]);
  });
});

describe('quota', () => {
  const allocate = (deduplicationId: string) =>
    call(doors, method.allocateQuota, {
      request: create(AllocateQuotaRequestSchema, { quota: 'q', amount: 5n, deduplicationId }),
    });
  const release = (deduplicationId: string, headers = asShop) =>
    call(doors, method.releaseQuota, {
      request: create(ReleaseQuotaRequestSchema, { quota: 'q', deduplicationId }),
      headers,
    });

  it('is given back by who took it, once', async () => {
    expect((await allocate('one')).result?.granted).toBe(5n);
    await expect(release('one', headersOf({ authorization: 'Bearer other.one' }))).rejects.toMatchObject({
      code: 5,
    });
    expect((await release('one')).result?.granted).toBe(5n);
    await expect(release('one')).rejects.toMatchObject({ code: 5 });
    expect(doors.engine.used).toBe(0n);
  });

  /** A session that is asked one thing after the other. */
  function openSession() {
    const stream: ClientDuplexStream<Buffer, Buffer> = doors.client.makeBidiStreamRequest(
      pathOf(method.session),
      (buffer: Buffer) => buffer,
      (buffer: Buffer) => buffer,
      asShop,
    );
    stream.on('error', () => undefined);
    const ask = (init: MessageInitShape<typeof SessionRequestSchema>): Promise<SessionResponse> => {
      const answer = new Promise<SessionResponse>((resolve) =>
        stream.once('data', (bytes: Buffer) => resolve(fromBinary(SessionResponseSchema, bytes))),
      );
      stream.write(asBuffer(encode(SessionRequestSchema, create(SessionRequestSchema, init))));
      return answer;
    };
    return { stream, ask };
  }
  const allocateHeld = (amount: bigint, deduplicationId = '') =>
    ({
      case: 'allocate',
      value: create(AllocateQuotaRequestSchema, { quota: 'q', amount, deduplicationId, isHeld: true }),
    }) as const;

  it('that a session holds is given back when its stream breaks', async () => {
    const { stream, ask } = openSession();
    expect((await ask({ id: 9n, request: allocateHeld(5n) })).id).toBe(9n);
    expect(doors.engine.used).toBe(5n);
    stream.cancel();
    await expect.poll(() => doors.engine.used, { timeout: 5_000 }).toBe(0n);
  });

  it('that a session gave back by its id, or took twice by it, is given back once', async () => {
    const { stream, ask } = openSession();
    await ask({ request: allocateHeld(3n) });
    await ask({ request: allocateHeld(2n, 'again') });
    await ask({ request: allocateHeld(1n, 'released') });
    const value = create(ReleaseQuotaRequestSchema, { quota: 'q', deduplicationId: 'released' });
    await ask({ request: { case: 'release', value } });
    const taken = doors.engine.charges.map(({ asked }) => asked.amount);
    expect(taken).toEqual([3n, 2n, 1n, -1n]);
    stream.end();
    await expect.poll(() => doors.engine.used, { timeout: 5_000 }).toBe(0n);
    expect(doors.engine.charges.length).toBe(6);
  });
});

describe('a report', () => {
  const report = (attributes: MessageInitShape<typeof ReportRequestSchema>['attributes'] & object) =>
    call(doors, method.report, { request: create(ReportRequestSchema, { attributes, isDelta: true }) });

  it('of which each bag repeats the one before it has a bound', async () => {
    const large = said(new Map([['request.path', 'x'.repeat(60_000)]]));
    const same = create(AttributesSchema, {});
    await expect(report([large, ...Array.from({ length: 9_000 }, () => same)])).rejects.toMatchObject({
      code: 3,
    });
    await expect(report(Array.from({ length: 10_001 }, () => same))).rejects.toMatchObject({ code: 3 });
    expect(doors.engine.bags).toEqual([]);
    expect((await report([large, same])).accepted).toBe(2n);
  });
});

it('treats names of JavaScript as any other', async () => {
  const attributes = create(AttributesSchema, { attributes: {} });
  const bytes = encode(
    CheckRequestSchema,
    create(CheckRequestSchema, { attributes: said(new Map([['__proto_x', 'v']])) }),
  );
  const hostile = Uint8Array.from(bytes);
  hostile.set(Buffer.from('__proto__'), Buffer.from(bytes).indexOf('__proto_x'));
  const answer = await call(doors, method.check, { request: hostile });
  expect(answer.status?.code).toBe(0);
  expect([...(doors.engine.checks[0]?.attributes.keys() ?? [])]).not.toContain('__proto__');
  expect(Object.getPrototypeOf(attributes.attributes)).not.toHaveProperty('stringValue');
});
