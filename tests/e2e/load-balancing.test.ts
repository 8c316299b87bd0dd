// How requests spread over endpoints, for each way a DestinationRule knows, counted on a real Envoy.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Backend, startBackend } from './support/backends.ts';
import { type EntryMesh, entry, startEntryMesh, through } from './support/entries.ts';
import { until } from './support/mesh.ts';
import { chiSquare, countOf, type Rush, rush } from './support/rush.ts';
import type { StockEnvoy } from './support/stock-envoy.ts';

/** Beyond it with 3 degrees of freedom: once in 60,000 runs. */
const chiSquareLimit = 25;
const even = { a: 1, b: 1, c: 1, d: 1 };

const backends: Backend[] = [];
let mesh: EntryMesh;
let envoy: StockEnvoy;

interface HostOptions {
  readonly policy: string;
  readonly members?: readonly string[];
  readonly fields?: Readonly<Record<string, string>>;
}

/** A host of its own for every policy, all with the same endpoints, so that nothing has to change in between. */
const host = (name: string, { policy, members = ['a', 'b', 'c', 'd'], fields = {} }: HostOptions) =>
  [
    name,
    entry(name, { policy, fields, backends: backends.filter((each) => members.includes(each.name)) }),
  ] as const;
const simple = (word: string): string => `loadBalancer: {simple: ${word}}`;
const hash = (key: string): string => `loadBalancer: {consistentHash: {${key}}}`;

const warming = 'loadBalancer: {simple: ROUND_ROBIN, warmup: {duration: 4s, minimumPercent: 10}}';
const hosts = () => [
  host('round', { policy: simple('ROUND_ROBIN') }),
  host('weighted', {
    policy: simple('ROUND_ROBIN'),
    fields: { b: 'weight: 2', c: 'weight: 3', d: 'weight: 4' },
  }),
  host('random', { policy: simple('RANDOM') }),
  host('least', { policy: simple('LEAST_REQUEST') }),
  host('unspecified', { policy: simple('UNSPECIFIED') }),
  host('passed', { policy: simple('PASSTHROUGH') }),
  host('ring', { policy: hash('httpHeaderName: x-user') }),
  host('ring-less', { policy: hash('httpHeaderName: x-user'), members: ['a', 'b', 'c'] }),
  host('maglev', { policy: hash('httpHeaderName: x-user, maglev: {}') }),
  host('maglev-less', { policy: hash('httpHeaderName: x-user, maglev: {}'), members: ['a', 'b', 'c'] }),
  host('cookie', { policy: hash('httpCookie: {name: user, path: /shop, ttl: 60s}') }),
  host('session', { policy: hash('httpCookie: {name: user, ttl: 0s}') }),
  host('query', { policy: hash('httpQueryParameterName: user') }),
  host('source', { policy: hash('useSourceIp: true') }),
  host('warm', { policy: warming, members: ['a', 'b'] }),
];

beforeAll(async () => {
  for (const name of Object.keys(even)) backends.push(await startBackend(name));
  mesh = await startEntryMesh(Object.fromEntries(hosts()));
  envoy = await mesh.envoy('balance', 'round');
}, 60_000);
afterAll(async () => {
  await mesh?.[Symbol.asyncDispose]();
  for (const backend of backends) backend.close();
});

const spread = async (name: string, options: Partial<Rush> = {}) => {
  const answers = await rush({ ...through(envoy, name), count: 10_000, ...options });
  expect(countOf(answers.map(({ status }) => String(status)))).toEqual({ 200: answers.length });
  return answers;
};
const counts = async (name: string, options: Partial<Rush> = {}) =>
  countOf((await spread(name, options)).map(({ backend }) => backend));

describe('[DP-9] ten thousand requests', () => {
  it('ROUND_ROBIN: the same number each', async () => {
    expect(await counts('round')).toEqual({ a: 2_500, b: 2_500, c: 2_500, d: 2_500 });
  });

  it('ROUND_ROBIN by weight: 1 to 2 to 3 to 4', async () => {
    const found = await counts('weighted');
    for (const [name, share] of Object.entries({ a: 1_000, b: 2_000, c: 3_000, d: 4_000 }))
      expect(Math.abs((found[name] ?? 0) - share), JSON.stringify(found)).toBeLessThanOrEqual(10);
  });

  it.each(['random', 'least', 'unspecified'])('%s: even by chance', async (name) => {
    expect(chiSquare(await counts(name), even)).toBeLessThan(chiSquareLimit);
  });

  it('PASSTHROUGH: nowhere, for a client that named a host and no address', async () => {
    const answers = await rush({ ...through(envoy, 'passed'), count: 10 });
    expect(countOf(answers.map(({ status }) => String(status)))).toEqual({ 503: 10 });
    const isLogged = (line: string): boolean => line.includes('passed.example') && line.includes(' 503 UH ');
    await until('it is logged', async () => envoy.accessLog().filter(isLogged).length === 10);
  });

  it('LEAST_REQUEST: a slow endpoint gets less, with ROUND_ROBIN it does not', async () => {
    const [slow] = backends;
    if (slow === undefined) throw new Error('no backend');
    slow.delay = 20;
    const least = await counts('least', { count: 1_000 });
    const round = await counts('round', { count: 400 });
    slow.delay = 0;
    expect(least['a'] ?? 0).toBeLessThan(125);
    expect(round['a']).toBe(100);
  });
});

const users = Array.from({ length: 200 }, (_, index) => `user-${index}`);
const userOf = (index: number): string => users[index % users.length] ?? '';

/** Which backend each user has; fails when one has two. */
async function homes(name: string, options: Partial<Rush>): Promise<Readonly<Record<string, string>>> {
  const answers = await spread(name, options);
  const found: Record<string, string> = {};
  for (const [index, { backend }] of answers.entries()) {
    const user = userOf(index);
    found[user] ??= backend;
    expect([user, backend]).toEqual([user, found[user]]);
  }
  return found;
}
const byHeader: Partial<Rush> = { request: (index) => ({ headers: { 'x-user': userOf(index) } }) };

describe('[DP-9] consistent hashing', () => {
  it.each([
    ['ring', 0.3],
    ['maglev', 0.15],
  ] as const)('%s: a user stays; without one endpoint few others move', async (table, most) => {
    const before = await homes(table, byHeader);
    const shares = countOf(Object.values(before));
    for (const name of Object.keys(even)) expect(shares[name] ?? 0).toBeGreaterThan(20);
    const after = await homes(`${table}-less`, { ...byHeader, count: 1_000 });
    const rest = users.filter((user) => before[user] !== 'd');
    const moved = rest.filter((user) => before[user] !== after[user]);
    expect(moved.length / rest.length).toBeLessThan(most);
  });

  it('by query parameter', async () => {
    const found = await homes('query', { request: (index) => ({ path: `/?user=${userOf(index)}` }) });
    expect(Object.keys(countOf(Object.values(found)))).toHaveLength(4);
  });

  it('by a cookie that the client gets with its first answer', async () => {
    const first = await spread('cookie', { count: 40 });
    const [answer] = first;
    expect(answer?.head).toMatch(/^set-cookie: user="[^"]+"; Max-Age=60; Path=\/shop; HttpOnly/im);
    expect(Object.keys(countOf(first.map(({ backend }) => backend))).length).toBeGreaterThan(1);
    const cookie = /^set-cookie: ([^;\r]+)/im.exec(answer?.head ?? '')?.[1] ?? '';
    const again = await spread('cookie', { count: 500, request: () => ({ headers: { cookie } }) });
    expect(countOf(again.map(({ backend }) => backend))).toEqual({ [answer?.backend ?? '']: 500 });
    expect(again.some(({ head }) => /^set-cookie/im.test(head))).toBe(false);
    const [session] = await spread('session', { count: 1 });
    expect(session?.head).toMatch(/^set-cookie: user=/im);
    expect(session?.head).not.toMatch(/max-age/i);
  });

  it('by source address', async () => {
    const found = new Set<string>();
    for (let client = 1; client <= 24; client++) {
      const own = await counts('source', { count: 50, localAddress: `127.0.77.${client}`, connections: 4 });
      expect(Object.values(own)).toEqual([50]);
      for (const name of Object.keys(own)) found.add(name);
    }
    expect(found.size).toBeGreaterThan(1);
  });
});

describe('[DP-9] warm-up', () => {
  it('a new endpoint begins with a small share and ends with its own', async () => {
    await counts('warm', { count: 100 });
    mesh.write(...host('warm', { policy: warming, members: ['a', 'b', 'c'] }));
    const share = async (): Promise<number> => ((await counts('warm', { count: 300 }))['c'] ?? 0) / 300;
    const first = await until('the new one is called', async () => (await share()) || undefined);
    expect(first).toBeLessThan(0.2);
    await until('it has its share', async () => (await share()) > 0.3);
  });
});
