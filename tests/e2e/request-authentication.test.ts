// Who the end user is: tokens are verified where they come in, what they say decides, and nothing forged is believed.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { rpcClient } from './support/grpc.ts';
import { isDrained } from './support/guarded.ts';
import { type Answer, fetchText } from './support/http.ts';
import { type KeyServer, startKeyServer } from './support/key-server.ts';
import { at, envoyPid, type Mesh, repositoryFile, startMesh, until } from './support/mesh.ts';
import { attack, forgeTokens } from './support/token-attacks.ts';
import { bearer, type Claims, keySetOf, newSigningKey, tokenOf } from './support/tokens.ts';

const issuer = 'https://accounts.example';
const key = newSigningKey('first');
const rsaKey = newSigningKey('second', 'RS256');
const stranger = newSigningKey('first');

let mesh: Mesh;
let client: string;
let keyServer: KeyServer;
beforeAll(async () => {
  keyServer = await startKeyServer(keySetOf(key));
  mesh = await startMesh({
    paths: [repositoryFile('tests/e2e/apps/echo')],
    flags: ['--jwks-allow', '127.0.0.0/8', '--jwks-refresh', '1s'],
  });
  client = (await mesh.pod('client')).ip;
}, 240_000);
afterAll(async () => {
  await mesh?.stop();
  await keyServer?.[Symbol.asyncDispose]();
});

type Headers = Readonly<Record<string, string>>;

const call = (headers: Headers = {}, path = '/'): Promise<Answer> =>
  fetchText({ url: `http://echo${path}`, proxy: `${client}:15001`, headers });
const ask = async (headers?: Headers, path?: string): Promise<number> => (await call(headers, path)).status;
const seenIn = (answer: Answer): Headers => JSON.parse(answer.body).headers;

async function put(kind: string, name: string, spec: object, namespace = 'default'): Promise<void> {
  const type = { apiVersion: 'security.istio.io/v1', kind };
  const run = await mesh.apply(JSON.stringify({ ...type, metadata: { name, namespace }, spec }));
  expect(run.code, run.stderr).toBe(0);
  await until('nothing is open under the rules of before', () => isDrained(mesh));
}
const remove = async (kind: string, name: string): Promise<void> => {
  const run = await mesh.xebec(['delete', kind, name, '--wait']);
  expect(run.code, run.stderr).toBe(0);
  await until('nothing is open under the rules of before', () => isDrained(mesh));
};

const toEcho = { selector: { matchLabels: { app: 'echo' } } };
const users = (...jwtRules: readonly object[]) =>
  put('RequestAuthentication', 'users', { ...toEcho, jwtRules });
const of = (claims: Claims): Headers => bearer(tokenOf(key, { iss: issuer, sub: 'alice', ...claims }));

describe('[AU-2] tokens of end users', () => {
  it('are verified where there are any, and needed where a policy asks for them', async () => {
    const eve = bearer(tokenOf(stranger, { iss: issuer, sub: 'alice' }));
    await users({ issuer, jwks: keySetOf(key) });
    expect([await ask(), await ask(of({})), await ask(eve)]).toEqual([200, 200, 401]);
    await put('AuthorizationPolicy', 'users', {
      ...toEcho,
      rules: [{ from: [{ source: { requestPrincipals: [`${issuer}/alice`] } }] }],
    });
    expect([await ask(), await ask(of({})), await ask(of({ sub: 'bob' })), await ask(eve)]).toEqual([
      403, 200, 403, 401,
    ]);
  });

  it('[AU-2] are verified over gRPC and in clear text, too', async () => {
    const eve = bearer(tokenOf(stranger, { iss: issuer, sub: 'alice' }));
    const { ip } = await mesh.pod('echo');
    const bare = async (headers: Headers): Promise<number> =>
      (await fetchText({ url: `http://${ip}:8080/`, headers })).status;
    expect([await bare(of({})), await bare(eve), await bare({})]).toEqual([200, 401, 403]);
    using rpc = rpcClient(`${client}:15001`, 'echo.default.svc.cluster.local:50051');
    const codes = [of({}), eve, {}].map(async (headers) => (await rpc.unary('Unary', 'hello', headers)).code);
    // OK, UNAUTHENTICATED, PERMISSION_DENIED.
    expect(await Promise.all(codes)).toEqual([0, 16, 7]);
  });

  it('[AU-2] say in their claims what policies decide by', async () => {
    await put('AuthorizationPolicy', 'users', {
      ...toEcho,
      rules: [
        {
          when: [
            { key: 'request.auth.claims[realm][roles]', values: ['read*'], notValues: ['reader-bot'] },
            { key: 'request.auth.audiences', values: ['shop'] },
            { key: 'request.auth.presenter', notValues: ['old-web'] },
            { key: 'request.auth.claims[scope]', values: ['write'] },
          ],
        },
      ],
    });
    const good = { realm: { roles: ['admin', 'reader'] }, aud: ['shop', 'blog'], scope: 'read write' };
    const statuses = await Promise.all(
      [
        good,
        { ...good, realm: { roles: 'reader' } },
        { ...good, aud: 'shop' },
        { ...good, realm: { roles: ['admin'] } },
        { ...good, realm: { roles: ['reader', 'reader-bot'] } },
        { ...good, realm: 'reader' },
        { ...good, 'realm.roles': ['reader'], realm: undefined },
        { ...good, aud: ['blog'] },
        { ...good, azp: 'old-web' },
        { ...good, scope: 'rewrite' },
        { ...good, realm: { roles: [{ reader: true }] } },
      ].map((claims) => ask(of(claims))),
    );
    expect(statuses).toEqual([200, 200, 200, ...Array(8).fill(403)]);
    await remove('AuthorizationPolicy', 'users');
  });

  it('are found where the rule says, removed or passed on, and told in headers that nobody else may write', async () => {
    await users(
      {
        issuer,
        jwks: keySetOf(key),
        fromHeaders: [{ name: 'X-Token', prefix: 'Token ' }],
        fromParams: ['token'],
        fromCookies: ['session'],
        outputPayloadToHeader: 'x-jwt-payload',
        outputClaimToHeaders: [{ header: 'x-user', claim: 'sub' }],
      },
      {
        issuer: 'https://b.example',
        jwks: keySetOf(rsaKey),
        forwardOriginalToken: true,
        outputPayloadToHeader: 'x-b-payload',
      },
    );
    const token = tokenOf(key, { iss: issuer, sub: 'alice' });
    const forged = { 'x-jwt-payload': 'forged', 'x-user': 'root', 'x-b-payload': 'forged' };
    const answers = await Promise.all([
      call({ 'x-token': `Token ${token}`, ...forged }),
      call(forged, `/?token=${token}&page=1`),
      call({ cookie: `session=${token}`, ...forged }),
    ]);
    for (const answer of answers) {
      const seen = seenIn(answer);
      expect(seen['x-user']).toBe('alice');
      expect(JSON.parse(Buffer.from(seen['x-jwt-payload'] ?? '', 'base64url').toString()).sub).toBe('alice');
      expect(seen).not.toHaveProperty('x-b-payload');
      expect(seen).not.toHaveProperty('x-token');
    }
    expect(JSON.parse(answers[1].body).path).toBe('/?page=1');
    const other = tokenOf(rsaKey, { iss: 'https://b.example', sub: 'bob' });
    const kept = seenIn(await call({ ...bearer(other), ...forged }));
    expect(kept).toMatchObject(bearer(other));
    expect(kept).not.toHaveProperty('x-user');
    expect(kept).not.toHaveProperty('x-jwt-payload');
    const none = seenIn(await call(forged));
    expect(Object.keys(forged).filter((name) => name in none)).toEqual([]);
    expect(await ask({ 'x-token': `Token ${other}` })).toBe(401);
    expect(await ask({ 'x-token': `Token ${token}`, ...bearer(`${other}x`) })).toBe(401);
  });
});

describe('[AU-2] forged tokens', () => {
  it('[AU-2] are refused, each for little work, and say nothing about what would be right', async () => {
    const forged = forgeTokens({ issuer, audience: 'shop', key, rsaKey });
    await users({ issuer, jwks: keySetOf(key, rsaKey), audiences: ['shop'] });
    expect(await ask(bearer(forged.good))).toBe(200);
    const server = await mesh.pod('echo');
    const said: string[] = [];
    const attacked = await attack(forged.attacks, {
      pid: envoyPid(mesh.state, server.name),
      send: async (token) => {
        const answer = await call(bearer(token)).catch(() => undefined);
        said.push(answer?.body ?? '');
        return answer?.status;
      },
    });
    expect(attacked).toEqual({ accepted: [], dear: [] });
    expect(said.join('\n')).not.toMatch(/accounts\.example|first|second|shop/);
    expect(await ask(bearer(forged.good))).toBe(200);
  });
});

describe('[AU-2] keys of an issuer', () => {
  const statusOfUsers = async (): Promise<unknown> => {
    const items = at(await mesh.admin('/v1/objects?kind=RequestAuthentication&name=users'), 'items');
    return at(items, 0, 'status', 'xebec', 'keys', 0);
  };
  const second = newSigningKey('rotated');
  const first = (): Headers => bearer(tokenOf(key, { iss: keyServer.origin, sub: 'alice' }));
  const next = (): Headers => bearer(tokenOf(second, { iss: keyServer.origin, sub: 'alice' }));

  it('[AU-2] are fetched, replaced when the issuer replaces them, and kept when it is away', async () => {
    await users({ issuer: keyServer.origin, jwksUri: `${keyServer.origin}/keys` });
    await until('the keys are there', async () => (await ask(first())) === 200);
    expect(await ask(next())).toBe(401);
    keyServer.answer = { body: keySetOf(key, second) };
    await until('the new key is there', async () => (await ask(next())) === 200);
    expect(await ask(first())).toBe(200);
    keyServer.answer = { body: keySetOf(second) };
    await until('the old key is gone', async () => (await ask(first())) === 401);
    keyServer.answer = { status: 503, body: 'no' };
    await until('the status says so', async () => at(await statusOfUsers(), 'problem') !== undefined);
    expect(await statusOfUsers()).toMatchObject({ state: 'known', keys: 1, ageSeconds: expect.any(Number) });
    expect([await ask(next()), await ask()]).toEqual([200, 200]);
  });

  it('[AU-2] as its OpenID configuration says, when nothing else does', async () => {
    keyServer.answer = { body: keySetOf(second) };
    await users({ issuer: keyServer.origin });
    await until('the keys are there', async () => (await ask(next())) === 200);
  });

  const bad: Readonly<Record<string, KeyServer['answer']>> = {
    'nobody answers': 'hang',
    'a page': { body: '<html>please log in</html>' },
    '50 MB': { body: ' '.repeat(50 * 1024 * 1024) },
    'a private key': {
      body: JSON.stringify({ keys: [second.privateKey.export({ format: 'jwk' })] }),
    },
    'one id for two keys': { body: keySetOf(second, newSigningKey('rotated')) },
  };

  it('[AU-2] that are bad or missing refuse their own tokens only, and keep nobody waiting', async () => {
    for (const [name, answer] of Object.entries(bad)) {
      keyServer.answer = answer;
      const path = encodeURIComponent(name);
      const start = performance.now();
      await users(
        { issuer: keyServer.origin, jwksUri: `${keyServer.origin}/${path}`, timeout: '3s' },
        { issuer, jwks: keySetOf(key) },
      );
      expect(await ask(next()), name).toBe(401);
      expect([await ask(of({})), await ask()], name).toEqual([200, 200]);
      expect(performance.now() - start, name).toBeLessThan(20_000);
      await until('the status says why', async () => at(await statusOfUsers(), 'problem') !== undefined);
      expect(await statusOfUsers(), name).toMatchObject({ state: 'missing' });
    }
  });
});
