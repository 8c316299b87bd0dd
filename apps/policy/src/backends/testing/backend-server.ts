// A backend of a test's own on loopback: remembers what it was sent, and answers as it is told.
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { HandlerContext, Instance } from '@xebec/policy';

export interface Received {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface BackendServer {
  readonly url: string;
  readonly received: Received[];
  /** For requests to come; `undefined`: none at all. */
  answer: { readonly status: number; readonly body: string } | undefined;
  close(): Promise<void>;
}

export async function startBackend(): Promise<BackendServer> {
  const received: Received[] = [];
  const server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      const { url = '', headers } = request;
      received.push({ path: url, headers, body: Buffer.concat(parts).toString('utf8') });
      if (backend.answer !== undefined) response.writeHead(backend.answer.status).end(backend.answer.body);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const backend: BackendServer = {
    url: `http://127.0.0.1:${port}`,
    received,
    answer: { status: 200, body: '{}' },
    close: async () => {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
  return backend;
}

/** What a handler of a test is built with; `lost` and `taken` count. */
export function testContext(): HandlerContext & {
  readonly lost: () => number;
  readonly taken: () => number;
} {
  let lost = 0;
  let taken = 0;
  return {
    name: 'h.handler.default',
    namespace: 'default',
    instances: new Map(),
    now: () => 1_700_000_000_000,
    reportProblem: () => undefined,
    countLoss: (instances) => {
      lost += instances;
    },
    countTaken: (instances) => {
      taken += instances;
    },
    lost: () => lost,
    taken: () => taken,
  };
}

export const instanceOf = (template: string, name: string, fields: Instance['fields']): Instance => ({
  ...{ template, fields },
  name: `${name}.instance.default`,
});
