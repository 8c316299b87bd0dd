// Users of browsers log in at a gateway: nobody comes in otherwise, nobody is led astray, and nothing forged is believed.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Browser, openBrowser } from './support/browser.ts';
import {
  type EdgeMesh,
  hasOpenssl,
  type OutsideAuthority,
  openOutsideAuthority,
  secretOf,
  startEdgeMesh,
} from './support/edge.ts';
import type { Answer } from './support/http.ts';
import { pidOf, until } from './support/mesh.ts';
import { type OpenIdProvider, startOpenIdProvider } from './support/open-id-provider.ts';

const name = 'shop.example';
const hmac = 'one key that is long enough for cookies';

let edge: EdgeMesh;
let outside: OutsideAuthority;
let provider: OpenIdProvider;
let directory: string;

const gateway = `
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: { name: edge }
spec:
  selector: { istio: edge }
  servers:
  - port: { number: 443, name: https, protocol: HTTPS }
    hosts: ["*"]
    tls: { mode: SIMPLE, credentialName: edge }
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: edge }
spec:
  hosts: ["*"]
  gateways: [edge]
  http: [{ route: [{ destination: { host: echo, port: { number: 80 } } }] }]
`;

const login = (fields = ''): string => `
apiVersion: security.xebec.io/v1alpha1
kind: BrowserLogin
metadata: { name: shop, namespace: istio-system }
spec:
  selector: { matchLabels: { istio: edge } }
  hosts: [${name}]
  issuer: ${provider.issuer}
  clientId: shop
  credentialName: shop-login
  scopes: [email]
  passThroughPaths: [/public/*]
  forwardToken: true
${fields}`;

const credentials = (secret: string, key = hmac): string =>
  secretOf('shop-login', { 'client-secret': secret, 'hmac-secret': key, 'ca.crt': outside.root });

beforeAll(async () => {
  if (!hasOpenssl) return;
  outside = openOutsideAuthority('outside');
  const own = outside.issue([`DNS:${name}`]);
  provider = await startOpenIdProvider(outside.issue(['IP:127.0.0.1']));
  directory = mkdtempSync(join(tmpdir(), 'xb-login-'));
  const edgeSecret = secretOf('edge', { 'tls.crt': own.cert, 'tls.key': own.key });
  writeFileSync(join(directory, 'edge.yaml'), [gateway, edgeSecret].join('\n---\n'));
  const flags = ['--jwks-allow', '127.0.0.0/8', '--jwks-refresh', '1s'];
  edge = await startEdgeMesh([{ name: 'edge', ports: [443] }], [directory], flags);
}, 240_000);
afterAll(async () => {
  await edge?.stop();
  await provider?.[Symbol.asyncDispose]();
  outside?.[Symbol.dispose]();
  if (directory !== undefined) rmSync(directory, { recursive: true, force: true });
});

const browse = (): Browser => openBrowser({ port: edge.portOf('edge', 443), name });

async function apply(...documents: readonly string[]): Promise<void> {
  const run = await edge.mesh.apply(documents.join('\n---\n'));
  expect(run.code, run.stderr).toBe(0);
}

const locationOf = ({ headers }: Answer): string => headers.location ?? '';
const pathOf = (url: string): string => url.slice(new URL(url).origin.length);
const seenBy = ({ body }: Answer): Readonly<Record<string, string>> => JSON.parse(body).headers;

/** Up to the gateway's answer to what the issuer sends the browser back with. */
async function logIn(browser: Browser, path = '/cart?item=1', user = 'alice'): Promise<Answer> {
  const asked = await browser.get(path);
  expect(asked.status, asked.body).toBe(302);
  return await browser.get(pathOf(provider.logIn(locationOf(asked), user)));
}

const isOpen = async (): Promise<boolean> => (await browse().get('/')).status === 302;

describe.skipIf(!hasOpenssl)('[AU-2] users of browsers', () => {
  it('reach nothing but what is open as long as nobody can log in', async () => {
    expect((await browse().get('/')).status).toBe(200);
    provider.isAway.yes = true;
    await apply(login());
    const statuses = async (...paths: readonly string[]): Promise<readonly number[]> =>
      (await Promise.all(paths.map((path) => browse().get(path)))).map(({ status }) => status);
    await until('the login is there', async () => (await statuses('/'))[0] === 403);
    expect(await statuses('/public/a', '/public/..%2fcart', '/public/../cart', '/oauth2/callback')).toEqual([
      200, 403, 403, 403,
    ]);
    await apply(credentials(provider.clientSecret));
    expect(await statuses('/')).toEqual([403]);
    const { stdout } = await edge.mesh.xebec([
      'get',
      'browserlogin',
      'shop',
      '-n',
      'istio-system',
      '-o',
      'yaml',
    ]);
    expect(stdout).toMatch(/state: missing\n.*problem: .*answers 404/);
    expect(stdout).not.toContain(provider.clientSecret);
    provider.isAway.yes = false;
    await until('the issuer is known', isOpen);
  }, 60_000);

  it('[AU-2] log in at the issuer, are led back to where they wanted, and services get their token', async () => {
    const browser = browse();
    const asked = await browser.get('/cart?item=1');
    const page = new URL(locationOf(asked));
    expect(page.origin + page.pathname).toBe(`${provider.issuer}/login`);
    expect(Object.fromEntries(page.searchParams)).toMatchObject({
      client_id: 'shop',
      redirect_uri: `https://${name}/oauth2/callback`,
      response_type: 'code',
      scope: 'openid email',
      code_challenge_method: 'S256',
    });
    const back = await browser.get(pathOf(provider.logIn(page.href, 'alice')));
    expect([back.status, locationOf(back)]).toEqual([302, `https://${name}/cart?item=1`]);
    for (const line of back.headers['set-cookie'] ?? [])
      expect(line).toMatch(/^__Host-(.*=deleted;.*;\s*secure|.*;\s*secure;.*httponly)/i);
    const served = await browser.get('/cart?item=1');
    expect(served.status).toBe(200);
    const token = (seenBy(served)['authorization'] ?? '').replace('Bearer ', '');
    expect(provider.tokens.get(token)).toBe('alice');
    expect(seenBy(served)['cookie'] ?? '').not.toMatch(/session|refresh/);
    expect([...browser.cookies.values()].some((value) => value.includes(token))).toBe(false);
    expect(provider.grants).toEqual(['authorization_code']);
  });

  it('that are scripts are told to, and not led away', async () => {
    const statuses = await Promise.all(
      [{ 'sec-fetch-mode': 'cors' }, { 'x-requested-with': 'XMLHttpRequest' }].map((headers) =>
        browse().get('/cart', headers),
      ),
    );
    expect(statuses.map(({ status }) => status)).toEqual([401, 401]);
  });

  it('[AU-2] with forged or borrowed cookies have not logged in', async () => {
    const browser = browse();
    await logIn(browser);
    const good = new Map(browser.cookies);
    const mallory = browse();
    await logIn(mallory, '/', 'mallory');
    const ask = async (change: (cookies: Map<string, string>) => void): Promise<number> => {
      const forged = browse();
      for (const [key, value] of good) forged.cookies.set(key, value);
      change(forged.cookies);
      return (await forged.get('/cart')).status;
    };
    expect(await ask(() => undefined)).toBe(200);
    // The issuer renews nothing now: who comes in does so by these cookies alone.
    const secret = provider.clientSecret;
    provider.clientSecret = 'unknown-for-now';
    for (const each of ['access', 'session', 'expires', 'id', 'refresh'].map(
      (word) => `__Host-xebec-${word}`,
    )) {
      const own = good.get(each) ?? '';
      const stolen = mallory.cookies.get(each) ?? '';
      const values = [own, `${own}x`, 'x', '', stolen];
      const statuses = await Promise.all(values.map((value) => ask((all) => all.set(each, value))));
      expect([each, ...statuses]).toEqual([each, 200, 302, 302, 302, stolen === own ? 200 : 302]);
      expect([each, await ask((all) => all.delete(each))]).toEqual([each, 302]);
    }
    provider.clientSecret = secret;
    expect((await browse().get('/cart', { authorization: 'Bearer x' })).status).toBe(302);
  });

  it('[AU-2] are not logged in by answers they have not asked for, nor led to other places', async () => {
    const asked = await browse().get('/cart');
    const answered = provider.logIn(locationOf(asked), 'mallory');
    // Another browser, which has not been here.
    expect((await browse().get(pathOf(answered))).status).toBe(401);
    const state = new URL(answered).searchParams.get('state') ?? '';
    const said = JSON.parse(Buffer.from(state, 'base64url').toString('utf8'));
    const withState = async (change: object): Promise<Answer> => {
      const browser = browse();
      const url = new URL(provider.logIn(locationOf(await browser.get('/cart')), 'alice'));
      const own = JSON.parse(Buffer.from(url.searchParams.get('state') ?? '', 'base64url').toString('utf8'));
      const changed = Buffer.from(JSON.stringify({ ...own, ...change })).toString('base64url');
      url.searchParams.set('state', changed);
      return await browser.get(pathOf(url.href));
    };
    const answers = await Promise.all(
      [
        { url: 'https://evil.example/' },
        { url: `https://${name}.evil.example/` },
        { url: `https://${name}@evil.example/` },
        { url: 'javascript:alert(1)' },
        { url: '//evil.example' },
        { csrf_token: said.csrf_token },
        { csrf_token: 'x' },
      ].map(withState),
    );
    expect(answers.map(({ status, headers }) => [status, headers.location])).toEqual(
      Array(7).fill([401, undefined]),
    );
  });

  it('[AU-2] log in under the names that are listed, and under no other', async () => {
    const browser = browse();
    const host = `${name}:8443`;
    const page = locationOf(await browser.get('/a', { host }));
    const back = await browser.get(pathOf(provider.logIn(page, 'alice')), { host });
    expect([back.status, locationOf(back)]).toEqual([302, `https://${host}/a`]);
    for (const other of ['other.example', `${name}.example`, `a.${name}`]) {
      const { status, headers } = await browse().get('/a', { host: other });
      expect([other, status, headers.location]).toEqual([other, 401, undefined]);
    }
  });

  it('[AU-2] whose token is over get a new one without a new login, and log out for good', async () => {
    provider.expiresInSeconds = 2;
    const browser = browse();
    await logIn(browser, '/');
    provider.expiresInSeconds = 600;
    const before = provider.grants.length;
    await until('the token is over and renewed', async () => {
      const answer = await browser.get('/');
      expect([200, 302]).toContain(answer.status);
      expect(locationOf(answer)).not.toContain('/login');
      return provider.grants.length > before;
    });
    expect(provider.grants.at(-1)).toBe('refresh_token');
    expect((await browser.get('/')).status).toBe(200);
    const left = await browser.get('/oauth2/logout');
    expect([left.status, locationOf(left).startsWith(`${provider.issuer}/end`)]).toEqual([302, true]);
    expect([...browser.cookies.keys()].filter((key) => key.startsWith('__Host-xebec'))).toEqual([]);
    expect((await browser.get('/')).status).toBe(302);
  }, 30_000);

  it('[AU-2] go on when the secret of the client is replaced, and have to log in anew when the key of cookies is', async () => {
    const browser = browse();
    await logIn(browser);
    provider.clientSecret = 'the-second-secret';
    expect((await logIn(browse())).status).toBe(401);
    await apply(credentials(provider.clientSecret));
    await until('logins work again', async () => (await logIn(browse())).status === 302);
    expect((await browser.get('/')).status).toBe(200);
    await apply(credentials(provider.clientSecret, `${hmac} and another one`));
    await until('old cookies are worth nothing', async () => (await browser.get('/')).status === 302);
    const again = browse();
    expect((await logIn(again)).status).toBe(302);
    expect((await again.get('/')).status).toBe(200);
  }, 60_000);

  it('[AU-2] keep their tokens to themselves where services are not to get them', async () => {
    await apply(login().replace('forwardToken: true', 'forwardToken: false'));
    provider.expiresInSeconds = 2;
    const browser = browse();
    await until('logins are without tokens', async () => {
      browser.cookies.clear();
      await logIn(browser);
      return !browser.cookies.has('__Host-xebec-access');
    });
    provider.expiresInSeconds = 600;
    const served = await browser.get('/', { authorization: 'Bearer own', cookie: '' });
    expect(served.status).toBe(302);
    const seen = seenBy(await browser.get('/', { authorization: 'Bearer own' }));
    expect([seen['authorization'], seen['cookie'] ?? '']).toEqual([undefined, '']);
    const before = provider.grants.length;
    await until('it is renewed all the same', async () => {
      expect((await browser.get('/')).status).toBe(200);
      return provider.grants.length > before;
    });
    expect(provider.grants.at(-1)).toBe('refresh_token');
    const secret = provider.clientSecret;
    provider.clientSecret = 'unknown-for-now';
    for (const each of ['session', 'expires', 'refresh']) {
      const forged = browse();
      for (const [key, value] of browser.cookies) forged.cookies.set(key, value);
      expect((await forged.get('/')).status).toBe(200);
      forged.cookies.set(`__Host-xebec-${each}`, `${browser.cookies.get(`__Host-xebec-${each}`)}x`);
      expect([each, (await forged.get('/')).status]).toEqual([each, 302]);
    }
    provider.clientSecret = secret;
    const left = await browser.get('/oauth2/logout');
    expect(new URL(locationOf(left)).searchParams.get('client_id')).toBe('shop');
    expect((await browser.get('/')).status).toBe(302);
    await apply(login());
  }, 30_000);

  it('[AU-2] are not sent anywhere when the token endpoint is somebody else', async () => {
    using stranger = openOutsideAuthority('stranger');
    await apply(
      secretOf('shop-login', {
        'client-secret': provider.clientSecret,
        'hmac-secret': hmac,
        'ca.crt': stranger.root,
      }),
    );
    const before = provider.grants.length;
    await until('logins fail', async () => (await logIn(browse())).status >= 400);
    const after = provider.grants.length;
    expect((await logIn(browse())).status).toBeGreaterThanOrEqual(400);
    expect([after - before <= 1, provider.grants.length]).toEqual([true, after]);
  }, 30_000);
});

describe.skipIf(!hasOpenssl)('[AU-2] a key of cookies that the mesh makes', () => {
  it('is the same after a restart, and another one for another version', async () => {
    await apply(
      login(),
      secretOf('shop-login', { 'client-secret': provider.clientSecret, 'ca.crt': outside.root }),
    );
    const browser = browse();
    await until('logins work', async () => {
      browser.cookies.clear();
      await logIn(browser);
      return (await browser.get('/')).status === 200;
    });
    const old = pidOf(edge.mesh, 'control-plane');
    process.kill(old, 'SIGKILL');
    await until('another control plane', async () => pidOf(edge.mesh, 'control-plane') !== old);
    await until('it answers', async () => (await edge.mesh.xebec(['proxy-status'])).code === 0, 30_000);
    expect((await browser.get('/')).status).toBe(200);
    await apply(login('  sessionKeyVersion: 1'));
    await until('old cookies are worth nothing', async () => (await browser.get('/')).status === 302);
    await logIn(browser);
    expect((await browser.get('/')).status).toBe(200);
  }, 90_000);
});

describe.skipIf(!hasOpenssl)('[AU-2] two logins at one gateway', () => {
  const other = 'admin.example';

  it('are each for their hosts, however these are written', async () => {
    await apply(
      login(),
      login()
        .replace('name: shop,', 'name: admin,')
        .replace(`[${name}]`, `[${other}]`)
        .replace('[email]', '[admin]'),
    );
    const scopeAt = async (host: string): Promise<string | number> => {
      const answer = await browse().get('/a', { host });
      if (answer.status !== 302) return answer.status;
      return new URL(locationOf(answer)).searchParams.get('scope') ?? '';
    };
    await until('the second is there', async () => (await scopeAt(other)) === 'openid admin');
    expect(await Promise.all([name, `${name}:8443`, other, `${other}:8443`].map(scopeAt))).toEqual([
      ...['openid email', 'openid email', 'openid admin', 'openid admin'],
    ]);
    // A spelling that is one of its hosts, and one to which neither leads back; never the other login, never nothing.
    for (const host of [other.toUpperCase(), `${other}.`, `Admin.Example.:443`])
      expect(['openid admin', 401]).toContain(await scopeAt(host));
    for (const host of ['third.example', `a.${other}`, `${other}.evil.example`, 'adminXexample'])
      expect([host, await scopeAt(host)]).toEqual([host, 401]);
  });

  it('do not believe the cookies of each other', async () => {
    const browser = browse();
    await logIn(browser);
    expect((await browser.get('/')).status).toBe(200);
    for (const host of [other, other.toUpperCase(), `${other}.`, 'third.example'])
      expect([302, 401]).toContain((await browser.get('/', { host })).status);
    const second = browse();
    const page = locationOf(await second.get('/b', { host: other }));
    const back = await second.get(pathOf(provider.logIn(page, 'root')), { host: other });
    expect([back.status, locationOf(back)]).toEqual([302, `https://${other}/b`]);
    expect((await second.get('/b', { host: other })).status).toBe(200);
    expect((await second.get('/b')).status).toBe(302);
  });
});
