// Logins of gateways: whose they are, what they wait for, and who gets their secrets.
import type { BrowserLoginSpec } from '@xebec/config';
import { expect, test } from 'vitest';
import { contents, createMesh } from './testing/mesh-fixture.ts';
import { object, proxy } from './testing/objects.ts';

const issuer = 'https://accounts.example';
const endpoints = JSON.stringify({
  authorization: `${issuer}/login`,
  token: `${issuer}/token`,
  clientAuthentication: 'basic',
});
const login = (id: `${string}/${string}`, spec: Partial<BrowserLoginSpec> = {}) =>
  object('BrowserLogin', id, {
    targetGateways: [],
    hosts: ['shop.example'],
    issuer,
    clientId: 'shop',
    credentialName: 'login',
    scopes: ['openid'],
    redirectPath: '/in',
    logoutPath: '/out',
    passThroughPaths: [],
    forwardToken: false,
    ...spec,
  });
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const secret = (key: string, data: Readonly<Record<string, Uint8Array>> = {}) =>
  object('Secret', 'edge/login', {
    type: 'Opaque',
    data: { 'client-secret': bytes('word\n'), 'hmac-secret': bytes(key), ...data },
  });
const goodKey = 'k'.repeat(32);
const gateway = (name: string) => proxy(`edge/${name}`, { id: name, role: 'router', labels: { app: name } });

function start() {
  const fixture = createMesh();
  fixture.connect(gateway('web'), gateway('other'));
  return {
    ...fixture,
    loginAt: (id: string) => fixture.mesh.gateways.get(id)?.login,
    codes: () => [...fixture.mesh.conflicts.entries()].map(([, { code, origin }]) => [code, origin?.object]),
    know: () => fixture.graph.transact(() => fixture.keySets.set(`login ${issuer}`, endpoints)),
  };
}

test('a login is of the gateways that it selects, in its own namespace, the first by name', () => {
  const { put, loginAt, codes } = start();
  put(login('edge/b', { selector: { app: 'web' } }), login('edge/c', { selector: { app: 'web' } }));
  put(login('far/a'), secret(goodKey));
  expect(loginAt('web')?.cause.object).toBe('BrowserLogin/edge/b');
  expect(loginAt('other')).toBeUndefined();
  expect(codes()).toEqual([['policy-shadowed', 'BrowserLogin/edge/c']]);
});

test('nobody can log in before the issuer and both secrets are known', () => {
  const { put, know, mesh, loginAt, codes, delete: remove } = start();
  put(login('edge/a', { selector: { app: 'web' } }));
  expect(contents(mesh.keyRequests)).toMatchObject({
    [`login ${issuer}`]: { objects: ['BrowserLogin/edge/a'] },
  });
  const isOpen = (): boolean => loginAt('web')?.issuer !== undefined;
  know();
  expect([isOpen(), codes()]).toEqual([false, [['gateway-secret-missing', 'BrowserLogin/edge/a']]]);
  put(secret('k'.repeat(31)));
  expect([isOpen(), [...mesh.loginSecrets.keys()]]).toEqual([false, []]);
  put(secret(goodKey, { 'client-secret': bytes('\n') }));
  expect(isOpen()).toBe(false);
  put(secret(`${goodKey}\r\n`));
  expect([isOpen(), codes()]).toEqual([true, []]);
  const shown = mesh.loginSecrets.get('login://edge/a/client-secret');
  expect(new TextDecoder().decode(shown?.value)).toBe('word');
  remove('Secret/edge/login');
  expect(isOpen()).toBe(false);
});

test('the token endpoint is verified with the roots beside the secrets, and with the system’s without any', () => {
  const { put, know, loginAt } = start();
  put(login('edge/a'), secret(goodKey));
  know();
  expect(loginAt('web')?.issuer?.roots).toBeUndefined();
  put(secret(goodKey, { 'ca.crt': bytes('roots') }));
  expect(loginAt('web')?.issuer?.roots).toBe('kubernetes://edge/login-cacert');
});

test('a gateway does not hear of a secret: it has it by name', () => {
  const { put, know, runsOf } = start();
  put(login('edge/a'), secret(goodKey));
  know();
  const runs = runsOf(() => put(secret('n'.repeat(40))));
  expect(runs).toMatchObject({ 'mesh.loginSecrets': 1 });
  expect(runs['mesh.gateways']).toBeUndefined();
});
