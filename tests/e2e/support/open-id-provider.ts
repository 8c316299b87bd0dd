// An OpenID provider: discovery in clear text, tokens over TLS. It notes what it is asked and checks clients as a real one does.
import { createHash, randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Pair } from './edge.ts';

export interface OpenIdProvider extends AsyncDisposable {
  readonly issuer: string;
  /** Clients must show it. */
  clientSecret: string;
  /** Of access tokens. */
  expiresInSeconds: number;
  readonly isAway: { yes: boolean };
  /** `authorization_code`, `refresh_token`, `refused`, in their order. */
  readonly grants: string[];
  /** What a browser that is led to the login page is answered with when its user logs in: where it goes on. */
  logIn(loginPage: string, user: string): string;
  /** Access tokens that were given, with their user. */
  readonly tokens: ReadonlyMap<string, string>;
}

interface Started {
  readonly user: string;
  readonly redirectUri: string;
  readonly challenge: string;
}

export async function startOpenIdProvider(pair: Pair): Promise<OpenIdProvider> {
  const codes = new Map<string, Started>();
  const refreshes = new Map<string, string>();
  const tokens = new Map<string, string>();
  const plain = createServer((request, response) => {
    const issuer = issuerOf(plain);
    const isAsked = request.url === '/.well-known/openid-configuration' && !provider.isAway.yes;
    if (!isAsked) return void response.writeHead(404).end();
    const token = `https://127.0.0.1:${portOf(secure)}/token`;
    const endpoints = { authorization_endpoint: `${issuer}/login`, end_session_endpoint: `${issuer}/end` };
    response.end(JSON.stringify({ issuer, ...endpoints, token_endpoint: token }));
  });
  const secure = createTlsServer(pair, (request, response) => {
    // Whoever asks again has to verify again.
    response.setHeader('connection', 'close');
    void answerToken(request, response);
  });
  for (const server of [plain, secure])
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));

  async function answerToken(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const form = new URLSearchParams(await bodyOf(request));
    const user = isClient(request, provider.clientSecret) ? userOf(form) : undefined;
    provider.grants.push(user === undefined ? 'refused' : (form.get('grant_type') ?? ''));
    if (user === undefined) return void response.writeHead(401).end('{"error":"invalid_client"}');
    const [access, refresh] = [randomBytes(24).toString('hex'), randomBytes(24).toString('hex')];
    tokens.set(access, user);
    refreshes.set(refresh, user);
    response.setHeader('content-type', 'application/json').end(
      JSON.stringify({
        access_token: access,
        refresh_token: refresh,
        id_token: idToken(user),
        token_type: 'Bearer',
        expires_in: provider.expiresInSeconds,
      }),
    );
  }

  function userOf(form: URLSearchParams): string | undefined {
    const refresh = form.get('refresh_token') ?? '';
    if (form.get('grant_type') === 'refresh_token') {
      const user = refreshes.get(refresh);
      refreshes.delete(refresh);
      return user;
    }
    const code = form.get('code') ?? '';
    const started = codes.get(code);
    codes.delete(code);
    const proof = createHash('sha256')
      .update(form.get('code_verifier') ?? '')
      .digest('base64url');
    const isSame = started?.challenge === proof && started.redirectUri === form.get('redirect_uri');
    return isSame ? started.user : undefined;
  }

  const provider: OpenIdProvider = {
    issuer: issuerOf(plain),
    clientSecret: 'the-first-secret',
    expiresInSeconds: 600,
    isAway: { yes: false },
    grants: [],
    tokens,
    logIn(loginPage, user) {
      const asked = new URL(loginPage).searchParams;
      const redirectUri = asked.get('redirect_uri') ?? '';
      const code = randomBytes(12).toString('hex');
      codes.set(code, { user, redirectUri, challenge: asked.get('code_challenge') ?? '' });
      return `${redirectUri}?${new URLSearchParams({ code, state: asked.get('state') ?? '' })}`;
    },
    async [Symbol.asyncDispose]() {
      for (const server of [plain, secure]) {
        server.closeAllConnections();
        await new Promise((resolve) => server.close(resolve));
      }
    },
  };
  return provider;
}

const portOf = (server: { address(): AddressInfo | string | null }): number => {
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
};
const issuerOf = (server: { address(): AddressInfo | string | null }): string =>
  `http://127.0.0.1:${portOf(server)}`;

async function bodyOf(request: IncomingMessage): Promise<string> {
  let body = '';
  for await (const chunk of request) body += String(chunk);
  return body;
}

/** RFC 6749, section 2.3.1; the secrets here are made of letters and dashes. */
const isClient = ({ headers }: IncomingMessage, secret: string): boolean =>
  headers.authorization === `Basic ${Buffer.from(`shop:${secret}`).toString('base64')}`;

const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
const idToken = (sub: string): string => {
  const exp = Math.floor(Date.now() / 1_000) + 600;
  return `${part({ alg: 'RS256' })}.${part({ sub, exp })}.${'a'.repeat(16)}`;
};
