// list: entries of every type, lists that are fetched, and what happens while they cannot be.
import { describe, expect, it } from 'vitest';
import { bag, engineOf, handler, instance, rule, testClock } from '../../testing/test-engine.ts';
import { readBlock } from './address-blocks.ts';
import { entryProblem, readEntries } from './entries.ts';
import { type ListListener, type ListSource, listAdapter } from './list.ts';

const find = (entries: readonly string[], type: Parameters<typeof readEntries>[1]) => {
  const read = readEntries(entries, type);
  return (value: string | Uint8Array) => read.find(value).isFound;
};

describe('entries', () => {
  it('are texts, with or without regard to case', () => {
    expect([find(['ann'], 'STRINGS')('ann'), find(['ann'], 'STRINGS')('Ann')]).toEqual([true, false]);
    expect(find(['ann'], 'CASE_INSENSITIVE_STRINGS')('ANN')).toBe(true);
    expect(find(['__proto__'], 'STRINGS')('constructor')).toBe(false);
  });

  it('are addresses and blocks of both families, and IPv4 within IPv6 is IPv4', () => {
    const isIn = find(['10.1.0.0/16', '192.168.7.9', 'fd00::/20', '::ffff:172.16.0.0/108'], 'IP_ADDRESSES');
    expect(['10.1.255.255', '192.168.7.9', 'fd00:fff::1', '172.31.0.1', '::ffff:10.1.2.3'].map(isIn)).toEqual(
      [true, true, true, true, true],
    );
    expect(['10.2.0.0', '192.168.7.8', 'fd00:1000::1', '172.32.0.1', '::a01:203'].map(isIn)).toEqual([
      false,
      false,
      false,
      false,
      false,
    ]);
    expect(isIn(Uint8Array.of(10, 1, 2, 3))).toBe(true);
    expect(readEntries([], 'IP_ADDRESSES').find('here')).toEqual({
      isFound: false,
      problem: 'is not an IP address',
    });
    expect(['10.0.0.0/33', 'fd00::/129', '10.0.0.0/', '10.0.0', '10.0.0.0/-1'].map(readBlock)).toEqual(
      new Array(5).fill(undefined),
    );
    expect(find(['0.0.0.0/0'], 'IP_ADDRESSES')('fd00::1')).toBe(false);
  });

  it('are patterns that no text makes slow', () => {
    const matches = find(['^(a+)+$', 'b.*c'], 'REGEX');
    expect([matches('xbxcx'), matches('aaa'), matches('d')]).toEqual([true, true, false]);
    const started = performance.now();
    expect(matches(`${'a'.repeat(5_000)}!`)).toBe(false);
    expect(performance.now() - started).toBeLessThan(2_000);
    expect(entryProblem('(?=a)', 'REGEX')).toBeTruthy();
  });
});

/** A provider that says what it is told to. */
function provider(): ListSource & { listener: () => ListListener; stopped: () => number } {
  let current: ListListener | undefined;
  let stops = 0;
  return {
    follow: async (_url, _interval, listener) => {
      current = listener;
      listener.content('v1\nv2\n');
      return () => {
        stops++;
      };
    },
    listener: () => {
      if (current === undefined) throw new Error('nobody follows');
      return current;
    },
    stopped: () => stops,
  };
}

const objects = (params: object) => [
  handler({ name: 'versions' }, 'list', params),
  instance({ name: 'version' }, 'listentry', { value: 'source.labels["version"]' }),
  rule({ name: 'r' }, { send: { versions: ['version'] } }),
];

const fetched = {
  providerUrl: 'http://lists.example/versions',
  refreshInterval: '10s',
  ttl: '60s',
  overrides: ['canary'],
};

const version = (text: string) => ({ attributes: bag({ 'source.labels': new Map([['version', text]]) }) });

describe('a list that is fetched', () => {
  it('changes what is allowed as it changes, and keeps its overrides', async () => {
    const source = provider();
    const { engine } = await engineOf(objects(fetched), [listAdapter(source)]);
    const codes = async () =>
      Promise.all(
        ['v1', 'v3', 'canary'].map(async (text) => (await engine.check(version(text))).status.code),
      );
    expect(await codes()).toEqual([0, 7, 0]);
    source.listener().content('v3\r\n\r\n');
    expect(await codes()).toEqual([7, 0, 0]);
    await engine.close();
    expect(source.stopped()).toBe(1);
  });

  it('stands while the provider is away, until its ttl; then its rules fail', async () => {
    const clock = testClock();
    const source = provider();
    const { engine } = await engineOf(objects(fetched), [listAdapter(source)], { clock });
    source.listener().failure('connection refused');
    clock.advance(60_000);
    expect((await engine.check(version('v1'))).status.code).toBe(0);
    expect(engine.inspect().handlers[0]?.problem).toBe('connection refused');
    clock.advance(1);
    const outcome = await engine.check(version('v1'));
    expect(outcome.status).toMatchObject({
      code: 14,
      message: expect.stringContaining('connection refused'),
    });
    source.listener().content('v1');
    clock.advance(10_000);
    expect((await engine.check(version('v1'))).status.code).toBe(0);
    expect(engine.inspect().handlers[0]?.problem).toBeUndefined();
  });

  it('that has a wrong entry is not taken over', async () => {
    const source = provider();
    const { engine } = await engineOf(objects({ ...fetched, entryType: 'REGEX' }), [listAdapter(source)]);
    source.listener().content('(');
    expect((await engine.check(version('v1'))).status.code).toBe(0);
    expect(engine.inspect().handlers[0]?.problem).toContain('wrong');
  });
});

describe('a blacklist', () => {
  it('refuses what is on it', async () => {
    const { engine } = await engineOf(objects({ overrides: ['v1'], blacklist: true }), [listAdapter()]);
    expect((await engine.check(version('v1'))).status.message).toBe(
      'versions.istio-system:v1 is blacklisted',
    );
    expect((await engine.check(version('v2'))).status.code).toBe(0);
  });

  it('refuses what it cannot be asked about', async () => {
    const { engine } = await engineOf(objects({ overrides: ['v1'], blacklist: true }), [listAdapter()]);
    expect((await engine.check({ attributes: bag({}) })).status.code).toBe(7);
  });
});
