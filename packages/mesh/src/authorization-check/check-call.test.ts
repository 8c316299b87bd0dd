// What is decided about calls, and why: the same as proxies decide; what is not known is refused.
import { expect, test } from 'vitest';
import { defaultSettings, type MeshSettings } from '../settings.ts';
import { createMesh, type MeshObject } from '../testing/mesh-fixture.ts';
import {
  authorizationPolicy,
  jwtRule,
  peerAuthentication,
  pod,
  requestAuthentication,
  service,
  servicePort,
} from '../testing/objects.ts';
import { checkCall } from './check-call.ts';
import type { AuthorizationQuestion } from './question.ts';

const objects: readonly MeshObject[] = [
  pod('default/web-1', { app: 'web' }),
  pod('default/reviews-1', { app: 'reviews', version: 'v1' }),
  pod('default/reviews-2', { app: 'reviews', version: 'v2' }),
  pod('default/database-1', { app: 'database' }),
  service('default/reviews'),
  service('default/database', { ports: [servicePort(5432, 'tcp')] }),
];

function ask(
  policies: readonly MeshObject[],
  question: Partial<AuthorizationQuestion> & { readonly isNobody?: true },
  settings: Partial<MeshSettings> = {},
) {
  const { graph, mesh, put, settings: source } = createMesh();
  put(...objects, ...policies);
  graph.transact(() => source.set('mesh', { ...defaultSettings, ...settings }));
  const scene = {
    mesh,
    settings: { ...defaultSettings, ...settings },
    defaultNamespace: 'default',
    isRunning: true,
  };
  const { isNobody = false, ...said } = question;
  return checkCall({ to: 'reviews', ...(isNobody ? {} : { from: 'web-1' }), ...said }, scene);
}

/** `DECISION reason by POLICY[RULE]`. */
function answer(...asked: Parameters<typeof ask>): string {
  const result = ask(...asked);
  if (!result.ok) return result.diagnostics.map(({ code, remedy }) => `${code}: ${remedy}`).join();
  const { decision, reason, policy, rule, unknown } = result.value;
  const by = policy === undefined ? '' : ` by ${policy}${rule === undefined ? '' : `[${rule}]`}`;
  return `${decision} ${reason}${by}${unknown.length === 0 ? '' : ` needs ${unknown.join()}`}`;
}

const nobody = (policies: readonly MeshObject[]): string => answer(policies, { isNobody: true });

const source = {
  principals: [],
  notPrincipals: [],
  requestPrincipals: [],
  notRequestPrincipals: [],
  namespaces: [],
  notNamespaces: [],
  serviceAccounts: [],
  notServiceAccounts: [],
  ipBlocks: [],
  notIpBlocks: [],
  remoteIpBlocks: [],
  notRemoteIpBlocks: [],
};
const operation = {
  hosts: [],
  notHosts: [],
  ports: [],
  notPorts: [],
  methods: [],
  notMethods: [],
  paths: [],
  notPaths: [],
};
const exact = (value: string) => ({ kind: 'exact' as const, value });
const always = { sources: [], operations: [], conditions: [] };
const onPath = (value: string) => ({ ...always, operations: [{ ...operation, paths: [exact(value)] }] });
const fromAccount = (account: string) => ({
  ...always,
  sources: [{ ...source, serviceAccounts: [account] }],
});

test('without policies everything is taken', () => {
  expect(answer([], {})).toBe('ALLOW no-policy');
});

test('what denies comes before what allows, and names the rule', () => {
  const allow = authorizationPolicy('default/allow', { rules: [always] });
  const deny = authorizationPolicy('default/deny', { action: 'DENY', rules: [onPath('/a'), onPath('/b')] });
  expect(answer([allow, deny], { path: '/b' })).toBe('DENY rule by AuthorizationPolicy/default/deny[1]');
  expect(answer([allow, deny], { path: '/c' })).toBe('ALLOW rule by AuthorizationPolicy/default/allow[0]');
  expect(answer([deny], { path: '/c' })).toBe('ALLOW no-policy');
  expect(answer([authorizationPolicy('default/nobody')], { path: '/c' })).toBe('DENY nothing-allows');
});

test('what the question does not say is refused as soon as it matters', () => {
  const deny = authorizationPolicy('default/deny', { action: 'DENY', rules: [onPath('/a')] });
  const allow = authorizationPolicy('default/allow', { rules: [onPath('/a')] });
  expect(answer([deny], {})).toBe('DENY undecided by AuthorizationPolicy/default/deny[0] needs path');
  expect(answer([allow], {})).toBe('DENY undecided by AuthorizationPolicy/default/allow[0] needs path');
  const others = authorizationPolicy('default/deny', {
    action: 'DENY',
    rules: [{ ...onPath('/a'), sources: [{ ...source, namespaces: [exact('other')] }] }],
  });
  expect(answer([others], {})).toBe('ALLOW no-policy');
});

test('paths are compared as the mesh is told to normalize them', () => {
  const deny = authorizationPolicy('default/deny', { action: 'DENY', rules: [onPath('/admin')] });
  expect(answer([deny], { path: '/x/%2e%2e/%61dmin?a=/b' })).toMatch(/^DENY rule/);
  expect(answer([deny], { path: '//admin' })).toBe('ALLOW no-policy');
  expect(answer([deny], { path: '//admin' }, { pathNormalization: 'MERGE_SLASHES' })).toMatch(/^DENY rule/);
  const odd = '/x/%2e%2e;/admin';
  expect(answer([deny], { path: odd })).toMatch(/^DENY rule/);
  const other = '/x/%2e%2e;/open';
  const stranger = { from: 'spiffe://cluster.local/ns/a/sa/b', path: other };
  expect(answer([deny], { path: other })).toBe('ALLOW no-policy');
  expect(answer([deny], stranger)).toMatch(/^DENY rule/);
  const allow = authorizationPolicy('default/allow', { rules: [onPath('/open')] });
  expect(answer([allow], { path: other })).toMatch(/^ALLOW rule/);
  expect(answer([allow], stranger)).toBe('DENY nothing-allows');
  expect(answer([deny], { path: '/admin#x' })).toBe('DENY bad-request');
});

test('identity is what mutual TLS proves', () => {
  const allow = authorizationPolicy('default/allow', { rules: [fromAccount('default/default')] });
  const strict = peerAuthentication('default/strict', { mode: 'STRICT' });
  const off = peerAuthentication('default/off', { mode: 'DISABLE' });
  expect(answer([allow], {})).toMatch(/^ALLOW rule/);
  expect(answer([allow], { from: 'spiffe://cluster.local/ns/x/sa/y' })).toBe('DENY nothing-allows');
  expect(answer([], { from: 'spiffe://other/ns/x/sa/y' })).toBe('DENY foreign-identity');
  expect(answer([allow, off], {})).toBe('DENY nothing-allows');
  expect(answer([strict], {})).toBe('ALLOW no-policy');
  expect(nobody([strict])).toBe('DENY mutual-tls-required by PeerAuthentication/default/strict');
  expect(nobody([])).toBe('ALLOW no-policy');
});

test('other names of the trust domain mean the same', () => {
  const exactly = (value: string) => ({ ...always, sources: [{ ...source, principals: [exact(value)] }] });
  const aliases = { trustDomain: 'new.example', trustDomainAliases: ['old.example'] };
  for (const name of ['cluster.local', 'new.example', 'old.example']) {
    const allow = authorizationPolicy('default/allow', { rules: [exactly(`${name}/ns/x/sa/y`)] });
    for (const own of ['new.example', 'old.example'])
      expect(answer([allow], { from: `spiffe://${own}/ns/x/sa/y` }, aliases)).toMatch(/^ALLOW rule/);
    expect(answer([allow], { from: 'spiffe://third.example/ns/x/sa/y' }, aliases)).toBe(
      'DENY foreign-identity',
    );
  }
});

test('a rule that needs HTTP allows no connection, and refuses more of them, not less', () => {
  const allow = authorizationPolicy('default/allow', { rules: [onPath('/a')] });
  const deny = authorizationPolicy('default/deny', { action: 'DENY', rules: [onPath('/a')] });
  expect(answer([allow], { to: 'database' })).toBe('DENY nothing-allows');
  expect(answer([deny], { to: 'database' })).toMatch(/^DENY rule/);
});

test('what is only audited is taken as if it were not', () => {
  const audit = authorizationPolicy('default/audit', { action: 'AUDIT', rules: [always] });
  expect(answer([audit], {})).toBe('ALLOW no-policy');
  const allow = authorizationPolicy('default/allow', { rules: [onPath('/a')] });
  expect(answer([audit, allow], { path: '/b' })).toBe('DENY nothing-allows');
});

test('a provider is asked about what matches, unless something else denies; who cannot be asked denies', () => {
  const judge = { name: 'judge', service: { host: 'judge.default.svc.cluster.local' }, port: 8000 };
  const how = { timeoutMs: 1_000, failOpen: false, clearRouteCache: false };
  const extensionProviders = [{ ...judge, ...how, protocol: 'http' as const }];
  const ofJudge = service('default/judge', { ports: [servicePort(8000, 'http')] });
  const asks = authorizationPolicy('default/asks', {
    action: 'CUSTOM',
    provider: 'judge',
    rules: [onPath('/a')],
  });
  const deny = authorizationPolicy('default/deny', { action: 'DENY', rules: [onPath('/a')] });
  const custom = (path: string, more: readonly MeshObject[] = [ofJudge], to = 'reviews'): string =>
    answer([asks, ...more], { path, to }, { extensionProviders });
  expect(custom('/a')).toBe('CUSTOM rule by AuthorizationPolicy/default/asks[0]');
  expect(custom('/b')).toBe('ALLOW no-policy');
  expect(custom('/a', [ofJudge, deny])).toBe('DENY rule by AuthorizationPolicy/default/deny[0]');
  expect(custom('/a', [])).toBe('DENY rule by AuthorizationPolicy/default/asks[0]');
  expect(custom('/b', [])).toBe('ALLOW no-policy');
  expect(custom('/a', [ofJudge], 'database')).toBe('DENY rule by AuthorizationPolicy/default/asks[0]');
  expect(answer([asks, ofJudge], {}, { extensionProviders })).toMatch(/^DENY undecided .* needs path$/);
});

test('one workload that denies denies, and all are told', () => {
  const deny = authorizationPolicy('default/v2', {
    action: 'DENY',
    selector: { version: 'v2' },
    rules: [always],
  });
  const result = ask([deny], {});
  expect(result.ok && result.value.workloads.map(({ workload, decision }) => [workload, decision])).toEqual([
    ['Pod/default/reviews-1', 'ALLOW'],
    ['Pod/default/reviews-2', 'DENY'],
  ]);
  expect(answer([deny], {})).toMatch(/^DENY rule/);
  expect(answer([deny], { to: 'reviews-1' })).toBe('ALLOW no-policy');
});

test('names that nothing has come back with those that are near', () => {
  expect(answer([], { to: 'review' })).toBe('unknown-workload: did you mean "reviews.default"?');
  expect(answer([], { from: 'wep-1' })).toBe('unknown-workload: did you mean "web-1.default"?');
  expect(answer([], { to: 'reviews', port: 80 })).toBe('unknown-port: name one of 9080 (http)');
  expect(answer([], { ip: 'here' })).toMatch(/^invalid-question/);
});

const encoded = (part: object): string => btoa(JSON.stringify(part)).replace(/=+$/, '');
const jwtOf = (claims: object): string => `${encoded({ alg: 'ES256' })}.${encoded(claims)}.c2ln`;
const users = requestAuthentication('default/users', {
  jwtRules: [jwtRule('https://a.example', { audiences: ['shop'], spaceDelimitedClaims: ['scope'] })],
});
const claimsOf = (claims: object) => ({ iss: 'https://a.example', sub: 'alice', aud: 'shop', ...claims });

test('[AU-2] a token that no rule accepts is refused, whatever policies say', () => {
  const told = (claims: object): string => answer([users], { jwt: jwtOf(claimsOf(claims)) });
  const bad = 'DENY bad-token by RequestAuthentication/default/users';
  // The mesh runs, and the keys of the issuer are not known.
  expect(told({})).toBe(bad);
  expect(answer([users], { jwt: 'abc' })).toBe('DENY bad-token');
  expect(answer([users], { headers: [['Authorization', `Bearer ${jwtOf({})}`]] })).toBe('DENY bad-token');
  expect(answer([users], {})).toBe('ALLOW no-policy');
  const taken = (claims: object): string => answer([users], { claims: claimsOf(claims) });
  expect(taken({})).toBe('ALLOW no-policy');
  expect(taken({ aud: ['blog', 'shop'] })).toBe('ALLOW no-policy');
  for (const wrong of [{ aud: 'blog' }, { exp: 1 }, { nbf: 99_999_999_999 }, { exp: 'never' }])
    expect(taken(wrong)).toBe(bad);
  expect(taken({ iss: 'https://b.example' })).toBe('DENY bad-token');
});

test('[AU-2] policies compare the principal and the claims of a verified token', () => {
  const allowing = (conditions: readonly (readonly [readonly string[], string])[]) =>
    authorizationPolicy('default/users', {
      rules: [
        {
          sources: [{ ...source, requestPrincipals: [{ kind: 'suffix', value: '/alice' }] }],
          operations: [],
          conditions: conditions.map(([path, value]) => ({
            key: { kind: 'claim', path },
            values: [{ kind: 'exact', value }],
            notValues: [],
          })),
        },
      ],
    });
  const policy = allowing([
    [['scope'], 'write'],
    [['realm', 'roles'], 'reader'],
  ]);
  const decided = (claims?: object): string =>
    answer([users, policy], claims === undefined ? {} : { claims: claimsOf(claims) });
  const good = { scope: 'read write', realm: { roles: ['reader'] } };
  expect(decided(good)).toBe('ALLOW rule by AuthorizationPolicy/default/users[0]');
  for (const wrong of [
    undefined,
    { ...good, sub: 'bob' },
    { ...good, sub: undefined },
    { ...good, scope: 'rewrite' },
    { ...good, realm: { roles: 7 } },
  ])
    expect(decided(wrong)).toBe('DENY nothing-allows');
});

test('[AU-2] headers that the token filter writes or removes are as it leaves them', () => {
  const telling = requestAuthentication('default/users', {
    jwtRules: [jwtRule('https://a.example', { outputClaimToHeaders: [{ header: 'x-user', claim: 'sub' }] })],
  });
  const onlyAlice = authorizationPolicy('default/users', {
    rules: [
      {
        sources: [],
        operations: [],
        conditions: [
          {
            key: { kind: 'header', name: 'x-user' },
            values: [{ kind: 'exact', value: 'alice' }],
            notValues: [],
          },
        ],
      },
    ],
  });
  const forged = [['x-user', 'alice']] as const;
  expect(answer([telling, onlyAlice], { headers: forged })).toBe('DENY nothing-allows');
  expect(answer([onlyAlice], { headers: forged })).toContain('ALLOW rule');
  expect(answer([telling, onlyAlice], { claims: claimsOf({}) })).toContain('ALLOW rule');
  expect(answer([telling, onlyAlice], { headers: forged, claims: claimsOf({ sub: 'eve' }) })).toBe(
    'DENY nothing-allows',
  );
});
