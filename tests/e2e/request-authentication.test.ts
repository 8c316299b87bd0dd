// Who the end user is: tokens are verified where they come in and again behind, and what they say decides.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isDrained } from './support/guarded.ts';
import { fetchText } from './support/http.ts';
import { type Mesh, repositoryFile, startMesh, until } from './support/mesh.ts';
import { bearer, keySetOf, newSigningKey, tokenOf } from './support/tokens.ts';

const issuer = 'https://accounts.example';
const key = newSigningKey('first');

let mesh: Mesh;
let client: string;
beforeAll(async () => {
  mesh = await startMesh({ paths: [repositoryFile('tests/e2e/apps/echo')] });
  client = (await mesh.pod('client')).ip;
}, 240_000);
afterAll(() => mesh?.stop());

const ask = async (headers: Readonly<Record<string, string>> = {}): Promise<number> =>
  (await fetchText({ url: 'http://echo/', proxy: `${client}:15001`, headers })).status;

async function put(kind: string, name: string, spec: object, namespace = 'default'): Promise<void> {
  const type = { apiVersion: 'security.istio.io/v1', kind };
  const run = await mesh.apply(JSON.stringify({ ...type, metadata: { name, namespace }, spec }));
  expect(run.code, run.stderr).toBe(0);
  await until('nothing is open under the rules of before', () => isDrained(mesh));
}

const toEcho = { selector: { matchLabels: { app: 'echo' } } };

describe('[AU-2] tokens of end users', () => {
  it('are verified where there are any, and needed where a policy asks for them', async () => {
    const alice = tokenOf(key, { iss: issuer, sub: 'alice', groups: ['staff'] });
    const eve = tokenOf(newSigningKey('first'), { iss: issuer, sub: 'alice' });
    await put('RequestAuthentication', 'users', { ...toEcho, jwtRules: [{ issuer, jwks: keySetOf(key) }] });
    expect([await ask(), await ask(bearer(alice)), await ask(bearer(eve))]).toEqual([200, 200, 401]);
    await put('AuthorizationPolicy', 'users', {
      ...toEcho,
      rules: [{ when: [{ key: 'request.auth.principal', values: [`${issuer}/alice`] }] }],
    });
    const bob = tokenOf(key, { iss: issuer, sub: 'bob' });
    expect([await ask(), await ask(bearer(alice)), await ask(bearer(bob)), await ask(bearer(eve))]).toEqual([
      403, 200, 403, 401,
    ]);
  });
});
