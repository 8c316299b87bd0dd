// The same end user along a chain of calls: verified where the request comes in, and again by whoever is asked last.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isDrained } from './support/guarded.ts';
import { type Answer, fetchText } from './support/http.ts';
import { envoyPid, type Mesh, repositoryFile, startMesh, until } from './support/mesh.ts';
import { attack, forgeTokens } from './support/token-attacks.ts';
import { bearer, keySetOf, newSigningKey, type SigningKey, tokenOf } from './support/tokens.ts';

const issuer = 'https://accounts.example';
const key = newSigningKey('first');
const otherKey = newSigningKey('first');

let mesh: Mesh;
beforeAll(async () => {
  mesh = await startMesh({
    paths: ['bookinfo.yaml', 'gateway.yaml', 'xebec.local.yaml', 'routing/destination-rule-all.yaml'].map(
      (file) => repositoryFile(`samples/bookinfo/${file}`),
    ),
  });
}, 240_000);
afterAll(() => mesh?.stop());

type Headers = Readonly<Record<string, string>>;

const ask = (path: string, headers: Headers = {}): Promise<Answer> =>
  fetchText({ url: `${mesh.ingress}${path}`, headers });
const userOf = (groups: readonly string[], by: SigningKey = key): Headers =>
  bearer(tokenOf(by, { iss: issuer, sub: 'alice', groups }));

async function apply(...objects: readonly object[]): Promise<void> {
  const list = { apiVersion: 'v1', kind: 'List', items: objects };
  const run = await mesh.apply(JSON.stringify(list));
  expect(run.code, run.stderr).toBe(0);
  await until('nothing is open under the rules of before', () => isDrained(mesh));
}

const security = (kind: string, name: string, spec: object, namespace = 'default') => ({
  apiVersion: 'security.istio.io/v1',
  kind,
  metadata: { name, namespace },
  spec,
});
const routing = (name: string, spec: object) => ({
  apiVersion: 'networking.istio.io/v1',
  kind: 'VirtualService',
  metadata: { name, namespace: 'default' },
  spec,
});

const atIngress = { selector: { matchLabels: { istio: 'ingressgateway' } } };
const atRatings = { selector: { matchLabels: { app: 'ratings' } } };
const trusting = (by: SigningKey) => ({ issuer, jwks: keySetOf(by), forwardOriginalToken: true });

/** What the third in the chain has said to the second. */
async function starsFor(headers: Headers): Promise<string> {
  const answer = await ask('/api/v1/products/0/reviews', headers);
  if (answer.status !== 200) return `status ${answer.status}`;
  return answer.body.includes('"stars"') ? 'stars' : 'no stars';
}

describe('[AU-13] from end to end', () => {
  it('[AU-13] verifies the user at the way in and again at the third hop, where a claim decides', async () => {
    await apply(
      routing('reviews', {
        hosts: ['reviews'],
        http: [{ route: [{ destination: { host: 'reviews', subset: 'v3' } }] }],
      }),
      security('RequestAuthentication', 'users', { ...atIngress, jwtRules: [trusting(key)] }, 'istio-system'),
      security('RequestAuthentication', 'ratings', { ...atRatings, jwtRules: [trusting(key)] }),
      security('AuthorizationPolicy', 'ratings', {
        ...atRatings,
        rules: [
          {
            from: [{ source: { requestPrincipals: [`${issuer}/*`] } }],
            when: [{ key: 'request.auth.claims[groups]', values: ['readers'] }],
          },
        ],
      }),
    );
    const reader = userOf(['readers']);
    expect(await starsFor(reader)).toBe('stars');
    expect(await starsFor(userOf(['writers']))).toBe('no stars');
    expect(await starsFor({})).toBe('no stars');
    expect(await starsFor(userOf(['readers'], otherKey))).toBe('status 401');
    // The third hop believes nobody before it: what the ingress lets in is verified by its own keys.
    await apply(
      security(
        'RequestAuthentication',
        'users',
        { ...atIngress, jwtRules: [trusting(otherKey)] },
        'istio-system',
      ),
    );
    expect(await starsFor(userOf(['readers'], otherKey))).toBe('no stars');
    expect(await starsFor(reader)).toBe('status 401');
  });

  it('[AU-13] does not pass the token on where the rule does not say so', async () => {
    const rule = { issuer, jwks: keySetOf(key) };
    await apply(
      security('RequestAuthentication', 'users', { ...atIngress, jwtRules: [rule] }, 'istio-system'),
    );
    expect(await starsFor(userOf(['readers']))).toBe('no stars');
  });
});

describe('[AU-2] routes by claims', () => {
  it('[AU-2] are taken for what a verified token says, never for what a client says', async () => {
    const to = (match: object, status: number) => ({ match: [match], directResponse: { status } });
    await apply(
      routing('bookinfo', {
        hosts: ['*'],
        gateways: ['bookinfo-gateway'],
        http: [
          to({ headers: { '@request.auth.claims.groups': { exact: 'testers' } } }, 210),
          to({ headers: { '@request.auth.claims[realm.access][roles]': { prefix: 'ad' } } }, 211),
          to({ headers: { '@request.auth.claims.sub': {} } }, 212),
          to({ withoutHeaders: { '@request.auth.claims.sub': {} } }, 213),
        ],
      }),
    );
    const of = (claims: object) => bearer(tokenOf(key, { iss: issuer, sub: 'alice', ...claims }));
    const statuses = await Promise.all(
      [
        of({ groups: ['staff', 'testers'] }),
        of({ groups: 'testers' }),
        of({ 'realm.access': { roles: ['admin'] } }),
        of({ realm: { access: { roles: ['admin'] } } }),
        {},
        { '@request.auth.claims.groups': 'testers' },
        { 'x-jwt-payload': 'testers', groups: 'testers' },
        userOf(['testers'], otherKey),
      ].map(async (headers) => (await ask('/', headers as Headers).catch(() => ({ status: 0 }))).status),
    );
    expect(statuses).toEqual([210, 210, 211, 212, 213, expect.toBeOneOf([213, 400, 0]), 213, 401]);
  });
});

describe('[AU-2] forged tokens at a gateway', () => {
  it('[AU-2] are refused, each for little work', async () => {
    const rsaKey = newSigningKey('second', 'RS256');
    const forged = forgeTokens({ issuer, audience: 'shop', key, rsaKey });
    const rule = { issuer, jwks: keySetOf(key, rsaKey), audiences: ['shop'] };
    await apply(
      security('RequestAuthentication', 'users', { ...atIngress, jwtRules: [rule] }, 'istio-system'),
    );
    expect((await ask('/', bearer(forged.good))).status).toBe(212);
    const { name } = await mesh.pod('istio-ingressgateway');
    const attacked = await attack(forged.attacks, {
      pid: envoyPid(mesh.state, name),
      send: async (token) => (await ask('/', bearer(token)).catch(() => undefined))?.status,
    });
    expect(attacked).toEqual({ accepted: [], dear: [] });
    expect((await ask('/', bearer(forged.good))).status).toBe(212);
  });
});
