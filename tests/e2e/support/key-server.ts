// A server of keys as an issuer has one, that a test can take away, spoil and count.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface KeyServer extends AsyncDisposable {
  readonly origin: string;
  /** What is answered at every path; `hang`: nothing. */
  answer: { readonly status?: number; readonly body: string } | 'hang';
  /** Requests so far. */
  readonly asked: number;
}

export async function startKeyServer(body: string): Promise<KeyServer> {
  let asked = 0;
  let origin = '';
  const server = createServer((request, response) => {
    asked++;
    if (request.url?.endsWith('/openid-configuration') === true)
      response.end(JSON.stringify({ issuer: origin, jwks_uri: `${origin}/keys` }));
    else if (shown.answer !== 'hang') response.writeHead(shown.answer.status ?? 200).end(shown.answer.body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const shown: KeyServer = {
    origin,
    answer: { body },
    get asked() {
      return asked;
    },
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
  return shown;
}
