// A local HTTPS server stands for the API server: its word counts only when all of it fits.
import * as fs from 'node:fs';
import { createServer } from 'node:https';
import * as path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { enrol, openTestAuthority, temporaryDirectory } from '../testing/fixtures.ts';
import { reviewWith, tokenReviewAuthenticator } from './token-review.ts';

const SERVER = 'spiffe://cluster.local/ns/kube-system/sa/api';
const goodStatus = {
  authenticated: true,
  audiences: ['istio-ca'],
  user: { username: 'system:serviceaccount:default:reviews', groups: [] },
};
const TOKEN = 'aaa.bbb.ccc';

interface Asked {
  readonly path: string | undefined;
  readonly authorization: string | undefined;
  readonly body: unknown;
}

async function startServer(answer: { readonly code?: number; readonly body: string }) {
  const directory = temporaryDirectory();
  const authority = openTestAuthority(directory.path);
  const { certificatesPem, privateKeyPem } = await enrol(authority, SERVER);
  const asked: Asked[] = [];
  const server = createServer({ cert: certificatesPem, key: privateKeyPem }, (call, response) => {
    let text = '';
    call.on('data', (part) => {
      text += String(part);
    });
    call.on('end', () => {
      asked.push({ path: call.url, authorization: call.headers.authorization, body: JSON.parse(text) });
      response.writeHead(answer.code ?? 201).end(answer.body);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
    directory[Symbol.dispose]();
  });
  const address = server.address();
  const port = typeof address === 'object' ? address?.port : 0;
  const [rootsFile, tokenFile] = ['roots.pem', 'token'].map((name) => path.join(directory.path, name));
  fs.writeFileSync(rootsFile ?? '', authority.rootsPem.join(''));
  fs.writeFileSync(tokenFile ?? '', 'own.token.here\n');
  const api = {
    url: `https://127.0.0.1:${port}`,
    rootsFile: rootsFile ?? '',
    tokenFile: tokenFile ?? '',
    timeoutMs: 2_000,
  };
  const door = tokenReviewAuthenticator({
    trustDomain: 'cluster.local',
    audiences: ['istio-ca'],
    review: reviewWith(api),
  });
  const ask = (bearerToken: string | undefined) =>
    door.authenticate({ peer: 'a', bearerToken, peerCertificate: undefined }).catch(() => undefined);
  return { asked, ask, rootsFile: rootsFile ?? '', authority };
}

test('a token that the server vouches for gives its service account', async () => {
  const { ask, asked } = await startServer({ body: JSON.stringify({ status: goodStatus }) });
  expect(await ask(TOKEN)).toEqual({
    trustDomain: 'cluster.local',
    namespace: 'default',
    serviceAccount: 'reviews',
  });
  expect(asked).toEqual([
    {
      path: '/apis/authentication.k8s.io/v1/tokenreviews',
      authorization: 'Bearer own.token.here',
      body: {
        apiVersion: 'authentication.k8s.io/v1',
        kind: 'TokenReview',
        spec: { token: TOKEN, audiences: ['istio-ca'] },
      },
    },
  ]);
});

test.each([
  ['not authenticated', { ...goodStatus, authenticated: false }],
  ['nothing said', {}],
  ['"true"', { ...goodStatus, authenticated: 'true' }],
  ['an error', { ...goodStatus, error: 'expired' }],
  ['another audience', { ...goodStatus, audiences: ['api'] }],
  ['no audience', { ...goodStatus, audiences: undefined }],
  ['a user', { ...goodStatus, user: { username: 'admin' } }],
  ['an account of other form', { ...goodStatus, user: { username: 'system:serviceaccount:a:b:c' } }],
])('no identity: %s', async (_, status) => {
  const { ask } = await startServer({ body: JSON.stringify({ status }) });
  expect(await ask(TOKEN)).toBeUndefined();
});

test.each([
  ['an error of the server', { code: 500, body: JSON.stringify({ status: goodStatus }) }],
  ['forbidden', { code: 403, body: JSON.stringify({ status: goodStatus }) }],
  ['no JSON', { body: '<html>' }],
  ['more than anybody reads', { body: JSON.stringify({ status: goodStatus, more: 'x'.repeat(100_000) }) }],
])('no identity: %s', async (_, answer) => {
  const { ask } = await startServer(answer);
  expect(await ask(TOKEN)).toBeUndefined();
});

test('what is no such token is not even asked about', async () => {
  const { ask, asked } = await startServer({ body: JSON.stringify({ status: goodStatus }) });
  for (const token of [undefined, '', 'abc', 'a.b', 'a.b.c.d', 'a b.c.d', `${'a'.repeat(20_000)}.b.c`])
    expect(await ask(token)).toBeUndefined();
  expect(asked).toEqual([]);
});

test('a server of another authority is not believed', async () => {
  const { ask, rootsFile } = await startServer({ body: JSON.stringify({ status: goodStatus }) });
  using directory = temporaryDirectory();
  fs.writeFileSync(rootsFile, openTestAuthority(directory.path).rootsPem.join(''));
  expect(await ask(TOKEN)).toBeUndefined();
});
