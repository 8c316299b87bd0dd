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
    sessionKeyVersion: 0,
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
    loginsAt: (id: string) => fixture.mesh.gateways.get(id)?.logins ?? [],
    loginAt: (id: string) => fixture.mesh.gateways.get(id)?.logins?.[0],
    codes: () => [...fixture.mesh.conflicts.entries()].map(([, { code, origin }]) => [code, origin?.object]),
    know: () => fixture.graph.transact(() => fixture.keySets.set(`login ${issuer}`, endpoints)),
  };
}

test('a login is of the gateways that it selects, in its own namespace; a host is of the first by name', () => {
  const { put, loginsAt, codes } = start();
  const selector = { app: 'web' };
  put(login('edge/b', { selector }), login('edge/c', { selector }));
  put(login('edge/d', { selector, hosts: ['shop.example', 'admin.example'] }));
  put(login('far/a'), secret(goodKey));
  expect(loginsAt('web').map(({ cause, hosts }) => [cause.object, hosts])).toEqual([
    ['BrowserLogin/edge/b', ['shop.example']],
    ['BrowserLogin/edge/d', ['admin.example']],
  ]);
  expect(loginsAt('other')).toEqual([]);
  expect(codes()).toEqual([
    ['policy-shadowed', 'BrowserLogin/edge/c'],
    ['policy-shadowed', 'BrowserLogin/edge/d'],
  ]);
});

test('without a key of its own the mesh makes one for each login, and another one for another version', () => {
  const { put, mesh } = start();
  const text = (id: string) =>
    new TextDecoder().decode(mesh.loginSecrets.get(`login://edge/${id}/hmac-secret`)?.value);
  const ownSecret = (key?: string) =>
    object('Secret', 'edge/login', {
      type: 'Opaque',
      data: { 'client-secret': bytes('word'), ...(key === undefined ? {} : { 'hmac-secret': bytes(key) }) },
    });
  put(login('edge/a'), login('edge/b', { hosts: ['b.example'], sessionKeyVersion: 2 }), ownSecret());
  expect([text('a'), text('b')].map((key) => key.replace(/\.+$/, ''))).toEqual([
    'edge/a/0 of the mesh',
    'edge/b/2 of the mesh',
  ]);
  put(ownSecret(goodKey));
  expect([text('a'), text('b').replace(/\.+$/, '')]).toEqual([goodKey, 'edge/b/2 of 32']);
  // What is written and no good is not made up for.
  put(ownSecret('short'));
  expect([...mesh.loginSecrets.keys()]).toEqual([]);
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
