// provider: a small OpenID issuer for trying out logins and tokens. It believes whatever name it is given: never use it for anything else.
import { createHash, generateKeyPairSync, randomUUID, sign } from 'node:crypto';
import { createServer } from 'node:http';

const host = process.env.BIND_ADDRESS || '127.0.0.1';
const clientSecret = process.env.CLIENT_SECRET || 'a-secret-of-the-sample';
const lifeSeconds = 600;

const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const jwk = { ...publicKey.export({ format: 'jwk' }), kid: 'sample', alg: 'ES256', use: 'sig' };
const codes = new Map();

const encoded = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');

function tokenFor(user, issuer) {
  const seconds = Math.floor(Date.now() / 1000);
  const claims = { iss: issuer, sub: user, aud: 'bookinfo', iat: seconds, exp: seconds + lifeSeconds };
  const signed = `${encoded({ alg: 'ES256', kid: 'sample', typ: 'JWT' })}.${encoded(claims)}`;
  const signature = sign('sha256', Buffer.from(signed), { key: privateKey, dsaEncoding: 'ieee-p1363' });
  return `${signed}.${signature.toString('base64url')}`;
}

function configuration(issuer) {
  return {
    issuer,
    authorization_endpoint: `${issuer}/login`,
    token_endpoint: `${issuer}/token`,
    jwks_uri: `${issuer}/keys`,
    token_endpoint_auth_methods_supported: ['client_secret_post'],
  };
}

/** The page asks for a name; the name is the login. */
function login(query) {
  const user = query.get('user');
  const back = query.get('redirect_uri') ?? '';
  if (user === null) {
    const fields = ['redirect_uri', 'state', 'code_challenge'].map((name) => {
      const value = (query.get(name) ?? '').replace(/[&<>"]/g, (sign_) => `&#${sign_.charCodeAt(0)};`);
      return `<input type="hidden" name="${name}" value="${value}">`;
    });
    return {
      body: `<form>${fields.join('')}Who are you? <input name="user"> <button>Log in</button></form>`,
    };
  }
  const code = randomUUID();
  codes.set(code, { user, challenge: query.get('code_challenge') ?? '' });
  const to = new URL(back);
  to.searchParams.set('code', code);
  to.searchParams.set('state', query.get('state') ?? '');
  return { status: 302, headers: { location: to.href }, body: '' };
}

function exchange(form, issuer) {
  const found = codes.get(form.get('code'));
  codes.delete(form.get('code'));
  const challenge = createHash('sha256')
    .update(form.get('code_verifier') ?? '')
    .digest('base64url');
  const isRight = form.get('client_secret') === clientSecret && found?.challenge === challenge;
  if (!isRight) return { status: 400, body: '{"error":"invalid_grant"}' };
  const token = tokenFor(found.user, issuer);
  const answer = { access_token: token, id_token: token, token_type: 'Bearer', expires_in: lifeSeconds };
  return { body: JSON.stringify(answer) };
}

async function answer(request, issuer) {
  const { pathname, searchParams } = new URL(request.url, issuer);
  if (pathname === '/.well-known/openid-configuration')
    return { body: JSON.stringify(configuration(issuer)) };
  if (pathname === '/keys') return { body: JSON.stringify({ keys: [jwk] }) };
  if (pathname === '/login') return { headers: { 'content-type': 'text/html' }, ...login(searchParams) };
  // For trying out without a browser.
  if (pathname === '/token-of') return { body: tokenFor(searchParams.get('user') ?? 'nobody', issuer) };
  if (pathname !== '/token') return { status: 404, body: '' };
  let body = '';
  for await (const part of request) if (body.length < 65_536) body += part;
  return exchange(new URLSearchParams(body), issuer);
}

const server = createServer(async (request, response) => {
  const made = await answer(request, `http://${host}:${server.address().port}`).catch(() => ({
    status: 400,
    body: '',
  }));
  const headers = { 'content-type': 'application/json', ...made.headers };
  response.writeHead(made.status ?? 200, headers).end(made.body);
});
server.listen(Number(process.env.PORT ?? 9400), host, () =>
  console.log(`provider listening on ${host}:${server.address().port}`),
);
for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, () => process.exit(0));
