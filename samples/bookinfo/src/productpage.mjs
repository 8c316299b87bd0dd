// productpage: the page people see and its JSON API; it stays up, and says so kindly, when a service behind it is down.
import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { createClient, forwardedHeaders } from './client.mjs';
import { renderIndex, renderProduct } from './page.mjs';
import { json, readBody, redirect, serve } from './server.mjs';

const env = process.env;
const get = createClient(env);
const podName = env.POD_NAME || hostname();
const timeoutMs = 3_000;
const userPattern = /^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$/;

const products = [
  {
    id: 0,
    title: 'The Comedy of Errors',
    descriptionHtml:
      'One of <b>Shakespeare’s</b> first plays and his shortest. Twins parted at birth, with servants who are twins too, land in the same town on the same day, and nobody can tell who owes whom an explanation.',
  },
];

const asset = (name, type) => ({
  path: new RegExp(`^/static/${name.replace('.', '\\.')}$`),
  handle: () => ({
    status: 200,
    headers: { 'content-type': type, 'cache-control': 'max-age=60' },
    body: readFileSync(new URL(`../static/${name}`, import.meta.url)),
  }),
});

/** The user of the cookie; anything that could not be a header value counts as nobody. */
function userOf(headers) {
  const found = /(?:^|;\s*)user=([^;]*)/.exec(headers.cookie ?? '')?.[1] ?? '';
  return userPattern.test(found) ? found : undefined;
}

function callHeaders(headers) {
  const user = userOf(headers);
  return { ...forwardedHeaders(headers), ...(user === undefined ? {} : { 'end-user': user }) };
}

async function attempt(call) {
  const startedAt = performance.now();
  try {
    const { status, headers, body } = await get({ ...call, timeoutMs });
    const isOk = status >= 200 && status < 300;
    if (!isOk) console.error(`${call.service} answered ${status}`);
    return {
      ...(isOk ? { value: JSON.parse(body) } : { problem: `answered ${status}` }),
      status,
      version: headers['x-service-version'],
      tookMs: performance.now() - startedAt,
    };
  } catch (error) {
    const isTimeout = error.name === 'TimeoutError' || error.name === 'AbortError';
    console.error(`${call.service} did not answer: ${error.message}`);
    const problem = isTimeout ? `no answer within ${timeoutMs / 1000} s` : 'could not be reached';
    return { problem, status: 500, tookMs: performance.now() - startedAt };
  }
}

const fetchDetails = (id, headers) =>
  attempt({ service: 'details', path: `/details/${id}`, headers: callHeaders(headers) });

const fetchRatings = (id, headers) =>
  attempt({ service: 'ratings', path: `/ratings/${id}`, headers: callHeaders(headers) });

async function fetchReviews(id, headers) {
  const call = { service: 'reviews', path: `/reviews/${id}`, headers: callHeaders(headers) };
  const first = await attempt(call);
  if (first.value !== undefined) return first;
  const second = await attempt(call);
  return { ...second, tookMs: first.tookMs + second.tookMs };
}

const api =
  (fetchPart, what) =>
  async ({ match, headers }) => {
    const part = await fetchPart(match[1], headers);
    if (part.value === undefined) {
      return json(part.status, { error: `Sorry, product ${what} are currently unavailable for this book.` });
    }
    return json(200, part.value, part.version === undefined ? {} : { 'x-upstream-version': part.version });
  };

const page = (status, body) => ({
  status,
  headers: {
    'content-type': 'text/html; charset=utf-8',
    'cache-control': 'no-store',
    'content-security-policy':
      "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self' data:; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'same-origin',
  },
  body,
});

async function productPage({ headers }) {
  const [product] = products;
  const [details, reviews] = await Promise.all([
    fetchDetails(product.id, headers),
    fetchReviews(product.id, headers),
  ]);
  const requestId = headers['x-request-id'];
  return page(200, renderProduct({ product, details, reviews, user: userOf(headers), podName, requestId }));
}

const cookie = (value, age) => ({
  'set-cookie': `user=${value}; Path=/; Max-Age=${age}; HttpOnly; SameSite=Lax`,
});

async function login({ request }) {
  const user = new URLSearchParams((await readBody(request)) ?? '').get('username')?.trim() ?? '';
  if (!userPattern.test(user)) {
    return page(
      400,
      renderIndex({ problem: 'A user name has letters, digits, dots, dashes and @, at most 64.' }),
    );
  }
  return redirect('/productpage', cookie(user, 86_400));
}

serve({
  name: 'productpage',
  version: env.SERVICE_VERSION || 'v1',
  routes: [
    {
      path: /^\/health$/,
      handle: () => ({
        status: 200,
        headers: { 'content-type': 'text/plain' },
        body: 'Product page is healthy',
      }),
    },
    { path: /^\/(index\.html)?$/, handle: () => page(200, renderIndex({})) },
    { path: /^\/productpage$/, handle: productPage },
    { method: 'POST', path: /^\/login$/, handle: login },
    { path: /^\/login$/, handle: () => redirect('/productpage') },
    { path: /^\/logout$/, handle: () => redirect('/productpage', cookie('', 0)) },
    { path: /^\/api\/v1\/products$/, handle: () => json(200, products) },
    { path: /^\/api\/v1\/products\/(\d{1,9})$/, handle: api(fetchDetails, 'details') },
    { path: /^\/api\/v1\/products\/(\d{1,9})\/reviews$/, handle: api(fetchReviews, 'reviews') },
    { path: /^\/api\/v1\/products\/(\d{1,9})\/ratings$/, handle: api(fetchRatings, 'ratings') },
    asset('bookinfo.css', 'text/css; charset=utf-8'),
    asset('bookinfo.js', 'text/javascript; charset=utf-8'),
    asset('favicon.svg', 'image/svg+xml'),
  ],
});
