// Every kind of match with a request that it takes and one that it does not. One VirtualService holds all rules.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fetchText } from './support/http.ts';
import { listAt, textAt } from './support/mesh.ts';
import { type CallOptions, marker, type Shop, startShop, to, virtualService } from './support/shop.ts';

interface Case {
  readonly name: string;
  /** Beside the path `/NAME`, unless it says something about the path itself. */
  readonly match: object;
  readonly yes: readonly Request[];
  readonly no: readonly Request[];
}
interface Request extends CallOptions {
  /** Default `/NAME`. */
  readonly path?: string;
}

const header = (x: string): Request => ({ headers: { x } });
const query = (name: string, text: string): Request => ({ path: `/${name}?${text}` });

const cases: readonly Case[] = [
  {
    name: 'exact',
    match: { uri: { exact: '/exact' } },
    yes: [{}, { path: '/exact?a=b' }],
    no: [{ path: '/exact/more' }, { path: '/Exact' }],
  },
  {
    name: 'prefix',
    match: { uri: { prefix: '/prefix' } },
    yes: [{}, { path: '/prefix/more' }],
    no: [{ path: '/prefi' }],
  },
  {
    name: 'regex',
    match: { uri: { regex: '/regex/[0-9]+' } },
    yes: [{ path: '/regex/42' }],
    no: [{ path: '/regex/42/more' }, { path: '/regex/' }],
  },
  {
    name: 'folded',
    match: { uri: { exact: '/folDED' }, ignoreUriCase: true },
    yes: [{ path: '/FOLded' }],
    no: [{ path: '/foldeds' }],
  },
  { name: 'scheme', match: { scheme: { exact: 'http' } }, yes: [{}], no: [] },
  { name: 'other-scheme', match: { scheme: { exact: 'https' } }, yes: [], no: [{}] },
  {
    name: 'method',
    match: { method: { regex: 'PUT|POST' } },
    yes: [{ method: 'POST' }, { method: 'PUT' }],
    no: [{}],
  },
  {
    name: 'authority',
    match: { authority: { prefix: 'shop.default' } },
    yes: [{ host: 'shop.default' }, { host: 'shop.default.svc.cluster.local' }],
    no: [{}],
  },
  {
    name: 'header',
    match: { headers: { x: { exact: 'one' } } },
    yes: [header('one')],
    no: [{}, header('One')],
  },
  {
    name: 'header-prefix',
    match: { headers: { X: { prefix: 'on' } } },
    yes: [header('one')],
    no: [{}, header('two')],
  },
  {
    name: 'header-regex',
    match: { headers: { x: { regex: 'o[a-z]e' } } },
    yes: [header('one')],
    no: [{}, header('oone')],
  },
  { name: 'header-there', match: { headers: { x: {} } }, yes: [header('any')], no: [{}] },
  {
    name: 'both-headers',
    match: { headers: { x: { exact: '1' }, y: { exact: '2' } } },
    yes: [{ headers: { x: '1', y: '2' } }],
    no: [{ headers: { x: '1' } }],
  },
  {
    name: 'without',
    match: { withoutHeaders: { x: { exact: 'one' } } },
    yes: [{}, header('two')],
    no: [header('one')],
  },
  { name: 'lacking', match: { withoutHeaders: { x: {} } }, yes: [{}], no: [header('any')] },
  {
    name: 'query',
    match: { queryParams: { q: { exact: 'one' } } },
    yes: [query('query', 'a=b&q=one')],
    no: [{}, query('query', 'q=two')],
  },
  {
    name: 'query-prefix',
    match: { queryParams: { q: { prefix: 'o' } } },
    yes: [query('query-prefix', 'q=one')],
    no: [{}],
  },
  {
    name: 'query-regex',
    match: { queryParams: { q: { regex: '[0-9]+' } } },
    yes: [query('query-regex', 'q=12')],
    no: [query('query-regex', 'q=a12')],
  },
  { name: 'query-there', match: { queryParams: { q: {} } }, yes: [query('query-there', 'q')], no: [{}] },
  {
    name: 'query-empty',
    match: { queryParams: { q: { exact: '' } } },
    yes: [query('query-empty', 'q')],
    no: [query('query-empty', 'q=1')],
  },
  { name: 'port', match: { port: 8081 }, yes: [{ host: 'shop:8081' }], no: [{}] },
  { name: 'namespace', match: { sourceNamespace: 'other' }, yes: [{ from: 'stranger' }], no: [{}] },
  { name: 'labels', match: { sourceLabels: { app: 'client' } }, yes: [{}], no: [{ from: 'stranger' }] },
  {
    name: 'elsewhere',
    match: { sourceLabels: { app: 'stranger' }, sourceNamespace: 'default' },
    yes: [],
    no: [{}, { from: 'stranger' }],
  },
  { name: 'mesh', match: { gateways: ['mesh'] }, yes: [{}], no: [] },
  { name: 'gateway', match: { gateways: ['shop'] }, yes: [], no: [{}] },
];

const ruleOf = ({ name, match }: Pick<Case, 'name' | 'match'>) => ({
  name,
  match: [{ uri: { prefix: `/${name}` }, ...match }],
  headers: { response: { set: { 'x-rule': name } } },
  route: [to('v1')],
});

let shop: Shop;
beforeAll(async () => {
  shop = await startShop();
  // Longer names first: their paths begin with the shorter ones.
  const rules = cases.toSorted((left, right) => right.name.length - left.name.length).map(ruleOf);
  const rest = { headers: { response: { set: { 'x-rule': 'rest' } } }, route: [to('v1')] };
  await shop.route({ hosts: ['shop', 'shop.example'], gateways: ['mesh', 'shop'], http: [...rules, rest] });
}, 240_000);
afterAll(async () => {
  await shop?.stop();
});

const ruleFor = async (name: string, { path = `/${name}`, ...options }: Request): Promise<unknown> =>
  (await shop.call(path, options)).headers['x-rule'];

describe('[DP-14] a match on', () => {
  it.each(cases)('$name', async ({ name, yes, no }) => {
    for (const request of yes) expect([request, await ruleFor(name, request)]).toEqual([request, name]);
    for (const request of no) expect([request, await ruleFor(name, request)]).toEqual([request, 'rest']);
  });

  it('a gateway, which knows neither namespaces nor labels of its clients', async () => {
    const ruleAt = async (path: string) => {
      const { headers } = await fetchText({
        url: `${shop.ingress}${path}`,
        headers: { host: 'shop.example' },
      });
      return headers['x-rule'];
    };
    const rules = await Promise.all(['/gateway', '/mesh', '/namespace', '/labels', '/exact'].map(ruleAt));
    expect(rules).toEqual(['gateway', 'rest', 'rest', 'rest', 'exact']);
  });
});

describe('[DP-14] rules', () => {
  it('are tried in order, and the access log has the names of rule and match', async () => {
    const first = { name: 'first', match: [{ name: 'a', uri: { prefix: '/a' } }], route: [to('v1')] };
    const second = { name: 'second', match: [{ name: 'b', uri: { prefix: '/a/b' } }], route: [to('v2')] };
    await shop.route({ http: [first, second, { route: [to('v2')] }] });
    const mark = marker();
    expect((await shop.call('/a/b', { marker: mark })).headers['x-version']).toBe('v1');
    expect(await shop.logLine('client', mark)).toMatch(/ first\.a$/);
    const conflicts = listAt(await shop.admin('/v1/status'), 'conflicts');
    const shadowed = conflicts.find((each) => textAt(each, 'code') === 'rule-shadowed');
    expect(textAt(shadowed, 'field')).toBe('spec.http[1]');
  });

  it('of several VirtualServices for one host are merged, what matches everything last', async () => {
    await shop.route({ http: [{ route: [to('v1')] }] });
    const other = {
      hosts: ['shop.default.svc.cluster.local'],
      http: [{ match: [{ uri: { prefix: '/v2' } }], route: [to('v2')] }],
    };
    expect((await shop.apply(virtualService('zz-more', other))).code).toBe(0);
    const versions = await Promise.all(
      ['/v2', '/v3'].map(async (path) => (await shop.call(path)).headers['x-version']),
    );
    expect(versions).toEqual(['v2', 'v1']);
    expect(JSON.stringify(await shop.admin('/v1/status'))).toContain('virtual-services-merged');
    expect((await shop.xebec(['delete', 'VirtualService', 'zz-more', '--wait'])).code).toBe(0);
  });

  it('that are not exported hold in their own namespace only', async () => {
    await shop.route({ exportTo: ['.'], http: [{ route: [to('v1')] }] });
    const mine = await Promise.all(
      Array.from({ length: 20 }, async () => (await shop.call('/')).headers['x-version']),
    );
    expect(new Set(mine)).toEqual(new Set(['v1']));
    const theirs = await Promise.all(
      Array.from(
        { length: 40 },
        async () => (await shop.call('/', { from: 'stranger' })).headers['x-version'],
      ),
    );
    expect(new Set(theirs)).toEqual(new Set(['v1', 'v2']));
  });

  it('for a wildcard hold for what it covers, but for hosts that are named', async () => {
    const answer = (text: string) => [{ directResponse: { status: 200, body: { string: text } } }];
    const wild = virtualService('wild', { hosts: ['*.shop.example'], http: answer('wild') });
    const named = virtualService('named', { hosts: ['a.shop.example'], http: answer('named') });
    expect((await shop.apply(`${wild}---\n${named}`)).code).toBe(0);
    const bodies = await Promise.all(
      ['a.shop.example', 'b.shop.example', 'c.d.shop.example'].map(
        async (host) => (await shop.call('/', { host })).body,
      ),
    );
    expect(bodies).toEqual(['named', 'wild', 'wild']);
  });

  it('are delegated: the other namespace’s rules take the place of the route', async () => {
    const leaf = virtualService(
      'leaf',
      {
        http: [
          {
            match: [{ uri: { prefix: '/team/v2' } }],
            route: [
              { destination: { host: 'shop.default.svc.cluster.local', subset: 'v2', port: { number: 80 } } },
            ],
          },
          { match: [{ uri: { prefix: '/elsewhere' } }], directResponse: { status: 418 } },
          { directResponse: { status: 200, body: { string: 'leaf' } } },
        ],
      },
      { namespace: 'other' },
    );
    expect((await shop.apply(leaf)).code).toBe(0);
    const delegate = {
      match: [{ uri: { prefix: '/team' } }],
      delegate: { name: 'leaf', namespace: 'other' },
    };
    await shop.route({ http: [delegate, { route: [to('v1')] }] });
    expect((await shop.call('/team/v2')).headers['x-version']).toBe('v2');
    expect((await shop.call('/team')).body).toBe('leaf');
    expect((await shop.call('/elsewhere')).headers['x-version']).toBe('v1');
    expect(JSON.stringify(await shop.admin('/v1/status'))).toContain('delegate-conflict');
  });
});
