// The provider that CUSTOM policies ask: it answers what the request tells it to, and remembers which it was asked about.
import { createServer } from 'node:http';
import type { ExtensionProviderSpec } from '@xebec/config';

export const judgeHost = 'judge.example';
export const judgePort = 8000;
/** `deny` or `allow`. */
export const verdictHeader = 'x-verdict';
/** Tells calls apart. */
export const callHeader = 'x-call';

const exact = (value: string) => ({ kind: 'exact' as const, value });

/** `nobody` is not among them: who is to ask it refuses. */
export const extensionProviders: readonly ExtensionProviderSpec[] = [
  {
    name: 'judge',
    protocol: 'http',
    service: { host: judgeHost },
    port: judgePort,
    timeoutMs: 10_000,
    failOpen: false,
    clearRouteCache: false,
    http: {
      pathPrefix: '',
      requestHeaders: [exact(verdictHeader), exact(callHeader)],
      additionalHeaders: {},
      headersToUpstreamOnAllow: [],
      headersToDownstreamOnDeny: [],
      headersToDownstreamOnAllow: [],
    },
  },
];

export const judgeEntry = {
  apiVersion: 'networking.istio.io/v1',
  kind: 'ServiceEntry',
  metadata: { name: 'judge', namespace: 'istio-system' },
  spec: {
    hosts: [judgeHost],
    resolution: 'STATIC',
    ports: [{ number: judgePort, name: 'http', protocol: 'HTTP' }],
    endpoints: [{ address: '127.0.0.1' }],
  },
};

export interface Judge {
  readonly port: number;
  /** By their `callHeader`. */
  readonly asked: ReadonlySet<string>;
  close(): void;
}

export async function startJudge(): Promise<Judge> {
  const asked = new Set<string>();
  const server = createServer((request, response) => {
    asked.add(String(request.headers[callHeader]));
    response.writeHead(request.headers[verdictHeader] === 'allow' ? 200 : 403).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const bound = server.address();
  return {
    port: typeof bound === 'object' ? (bound?.port ?? 0) : 0,
    asked,
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}
