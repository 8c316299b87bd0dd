// Who the end user is: tokens are verified where they come in, what they say decides, and nothing forged is believed.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { rpcClient } from './support/grpc.ts';
import { isDrained } from './support/guarded.ts';
import { type Answer, fetchText } from './support/http.ts';
import { type KeyServer, startKeyServer } from './support/key-server.ts';
import { at, type Mesh, repositoryFile, startMesh, until } from './support/mesh.ts';
import {
  bearer,
  type Claims,
  encoded,
  keySetOf,
  newSigningKey,
  nowSeconds,
  signed,
  signedWithSecret,
  tokenOf,
} from './support/tokens.ts';

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
  const now = nowSeconds();
  const good = { iss: issuer, sub: 'alice', aud: 'shop', exp: now + 3_600 };
  const header = { alg: 'ES256', kid: 'first', typ: 'JWT' };
  const [head = '', body = '', signature = ''] = signed(key, header, good).split('.');
  const evil = newSigningKey('evil');
  const attacks: Readonly<Record<string, string>> = {
    'one of nobody': signed(stranger, header, good),
    'one without a signature': `${head}.${body}.`,
    'one that is cut off': `${head}.${body}`,
    'another body': `${head}.${encoded({ ...good, sub: 'root' })}.${signature}`,
    'another signature': `${head}.${body}.${signature.replace(/^./, (letter) => (letter === 'A' ? 'B' : 'A'))}`,
    'alg none': `${encoded({ alg: 'none' })}.${body}.`,
    'alg None': `${encoded({ alg: 'None', kid: 'first' })}.${body}.${signature}`,
    'no alg': signed(key, { kid: 'first' }, good),
    'the public key as a secret': signedWithSecret(rsaKey.pem, { alg: 'HS256', kid: 'second' }, good),
    'the public key as a secret, as it is published': signedWithSecret(
      JSON.stringify(rsaKey.jwk),
      { alg: 'HS256', kid: 'second' },
      good,
    ),
    'an empty secret': signedWithSecret('', { alg: 'HS256' }, good),
    'a path for a key id': signed(stranger, { ...header, kid: '../../../../dev/null' }, good),
    'an empty key at a path': signedWithSecret('', { alg: 'HS256', kid: '/dev/null' }, good),
    'a query for a key id': signed(stranger, { ...header, kid: "x' UNION SELECT 'a" }, good),
    'a key of its own': signed(evil, { alg: 'ES256', jwk: evil.jwk }, good),
    'the address of a key': signed(evil, { alg: 'ES256', kid: 'evil', jku: 'http://127.0.0.1:1/keys' }, good),
    'the address of a certificate': signed(evil, { alg: 'ES256', x5u: 'http://127.0.0.1:1/a.pem' }, good),
    'another kind of key': signed(key, { alg: 'RS256', kid: 'second' }, good),
    'an unknown extension that is critical': signed(stranger, { ...header, crit: ['x'], x: 1 }, good),
    expired: signed(key, header, { ...good, exp: now - 120 }),
    'not yet valid': signed(key, header, { ...good, nbf: now + 600 }),
    'for somebody else': signed(key, header, { ...good, aud: 'blog' }),
    'for nobody': signed(key, header, { ...good, aud: undefined }),
    'of another issuer': signed(key, header, { ...good, iss: 'https://evil.example' }),
    'of an issuer that looks alike': signed(key, header, { ...good, iss: `${issuer}/` }),
    'of no issuer': signed(key, header, { ...good, iss: undefined }),
    'an issuer that is a list': signed(key, header, { ...good, iss: [issuer] }),
    'an issuer that is a number': signed(key, header, { ...good, iss: 7 }),
    'an end that is a text': signed(key, header, { ...good, exp: `${now + 3_600}` }),
    'an end before time': signed(key, header, { ...good, exp: -1 }),
    'a subject that is a map': signed(key, header, { ...good, sub: { name: 'alice' } }),
    'an audience that is a map': signed(key, header, { ...good, aud: { shop: true } }),
    'a body that is no map': signed(key, header, '"alice"'),
    'a body that is a list': signed(key, header, [good]),
    'deep nesting': signed(key, header, `${'{"a":'.repeat(5_000)}1${'}'.repeat(5_000)}`),
    'a header that is no JSON': `${encoded('{')}.${body}.${signature}`,
    'no base64': `${head}.@@@.${signature}`,
    'no token at all': 'abc',
    'a million letters': `${head}.${'A'.repeat(1_000_000)}.${signature}`,
  };

  it('[AU-2] are refused, each of them at once, and say nothing about what would be right', async () => {
    const rule = { issuer, jwks: keySetOf(key, rsaKey), audiences: ['shop'] };
    await users(rule);
    expect(await ask(bearer(signed(key, header, good)))).toBe(200);
    const accepted: string[] = [];
    const slow: string[] = [];
    for (const [name, token] of Object.entries(attacks)) {
      const start = performance.now();
      const answer = await call(bearer(token)).catch(() => undefined);
      const tookMs = performance.now() - start;
      if (answer !== undefined && ![401, 403, 431].includes(answer.status))
        accepted.push(`${name}: ${answer.status}`);
      if (tookMs > 1_000) slow.push(`${name}: ${tookMs} ms`);
      expect(answer?.body ?? '', name).not.toMatch(/accounts\.example|first|second|shop/);
    }
    expect(accepted).toEqual([]);
    expect(slow).toEqual([]);
    expect(await ask(bearer(signed(key, header, good)))).toBe(200);
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
