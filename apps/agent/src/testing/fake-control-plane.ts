// A control plane for tests: real certificates, the admin API the agent uses, and discovery of one echo service between all its Pods.
import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import * as path from 'node:path';
import * as grpc from '@grpc/grpc-js';
import {
  type Authority,
  addCertificateService,
  createKeyAndCsr,
  createServingCredentials,
  createTokenStore,
  joinTokenAuthenticator,
  openAuthority,
  parseCsr,
  peerCertificateAuthenticator,
} from '@xebec/ca';
import { formatDiagnostic, type Result } from '@xebec/std';
import type { Manifest } from '../control/control-client.ts';
import { isRecord } from '../control/object-watch.ts';
import { addFakeDiscovery, type FakeDiscovery } from './fake-discovery.ts';

/** The value of a result that must be one. */
export function unwrap<T>(result: Result<T>): T {
  if (result.ok) return result.value;
  throw new Error(result.diagnostics.map(formatDiagnostic).join('\n'));
}

export interface FakeControlPlane {
  readonly controlSocket: string;
  readonly rootsFile: string;
  readonly xdsAddress: string;
  readonly authority: Authority;
  readonly discovery: FakeDiscovery;
  /** What agents reported, by key. */
  readonly pods: Map<string, Manifest>;
  /** Number of tokens that were asked for. */
  readonly tokensIssued: () => number;
  set(key: string, object: Manifest): void;
  delete(key: string): void;
  /** As if killed: every connection breaks, and Pods are forgotten. */
  kill(): Promise<void>;
  restart(): Promise<void>;
  close(): Promise<void>;
}

export interface FakeOptions {
  readonly directory: string;
  readonly leafTtlMs?: number;
}

export async function startFakeControlPlane({
  directory,
  leafTtlMs,
}: FakeOptions): Promise<FakeControlPlane> {
  const authority = unwrap(
    openAuthority({
      directory: path.join(directory, 'ca'),
      trustDomain: 'cluster.local',
      ...(leafTtlMs === undefined ? {} : { leafTtlMs }),
    }),
  );
  const controlSocket = path.join(directory, 'control.sock');
  const objects = new Map<string, Manifest>();
  const pods = new Map<string, Manifest>();
  const watchers = new Set<http.ServerResponse>();
  const tokens = createTokenStore({ trustDomain: 'cluster.local' });
  let tokenCount = 0;
  const tell = (event: unknown): void => {
    for (const watcher of watchers) watcher.write(`${JSON.stringify(event)}\n`);
  };
  const discovery: FakeDiscovery = addFakeDiscovery();
  const answer = async (request: http.IncomingMessage, response: http.ServerResponse): Promise<void> => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(Buffer.from(chunk));
    const body: unknown = chunks.length === 0 ? {} : JSON.parse(Buffer.concat(chunks).toString());
    const url = request.url ?? '';
    if (url.startsWith('/v1/watch')) {
      response.writeHead(200, { 'content-type': 'application/x-ndjson' });
      for (const [key, object] of [...objects, ...pods])
        response.write(`${JSON.stringify({ type: 'set', key, object })}\n`);
      response.write(`${JSON.stringify({ type: 'synced' })}\n`);
      watchers.add(response);
      response.on('close', () => watchers.delete(response));
    } else if (url === '/v1/tokens' && isRecord(body)) {
      tokenCount += 1;
      const token = unwrap(
        tokens.issue({
          namespace: String(body['namespace']),
          serviceAccount: String(body['serviceAccount']),
        }),
      );
      response.end(JSON.stringify({ token }));
    } else if (url === '/v1/runtime' && isRecord(body) && isRecord(body['object'])) {
      const pod = body['object'];
      const metadata = isRecord(pod['metadata']) ? pod['metadata'] : {};
      const key = `Pod/${String(metadata['namespace'])}/${String(metadata['name'])}`;
      pods.set(key, pod);
      discovery.setPods(pods);
      response.end(JSON.stringify({ key }));
    } else if (request.method === 'DELETE') {
      const key = decodeURIComponent(url.slice('/v1/runtime/'.length));
      pods.delete(key);
      discovery.setPods(pods);
      response.end(JSON.stringify({ deleted: true }));
    } else {
      response.writeHead(404).end();
    }
  };

  let admin: http.Server;
  let server: grpc.Server;
  let xdsPort = 0;
  const start = async (): Promise<void> => {
    admin = http.createServer((request, response) => void answer(request, response));
    admin.listen(controlSocket);
    await once(admin, 'listening');
    server = new grpc.Server();
    addCertificateService(server, {
      authority,
      authenticators: [
        peerCertificateAuthenticator({ trustDomain: 'cluster.local', issuers: authority.issuers, clock: Date.now }),
        joinTokenAuthenticator(tokens),
      ],
      audit: () => undefined,
      clock: Date.now,
    });
    discovery.addTo(server);
    const { credentials } = createServingCredentials(await servingCertificate(authority), {
      requireClientCertificate: false,
    });
    xdsPort = await new Promise<number>((resolve, reject) => {
      server.bindAsync(`127.0.0.1:${xdsPort}`, credentials, (error, port) =>
        error === null ? resolve(port) : reject(error),
      );
    });
  };
  const stop = async (): Promise<void> => {
    server.forceShutdown();
    admin.closeAllConnections();
    const closed = once(admin, 'close');
    admin.close();
    await closed;
  };
  await start();
  return {
    controlSocket,
    rootsFile: path.join(directory, 'ca', 'root-cert.pem'),
    xdsAddress: `127.0.0.1:${xdsPort}`,
    authority,
    discovery,
    pods,
    tokensIssued: () => tokenCount,
    set(key, object) {
      objects.set(key, object);
      tell({ type: 'set', key, object });
    },
    delete(key) {
      objects.delete(key);
      tell({ type: 'delete', key });
    },
    async kill() {
      await stop();
      pods.clear();
    },
    restart: start,
    close: stop,
  };
}

async function servingCertificate(authority: Authority) {
  const id = 'spiffe://cluster.local/ns/istio-system/sa/istiod';
  const key = unwrap(await createKeyAndCsr(id));
  const publicKey = unwrap(parseCsr(key.csrPem));
  const issued = unwrap(
    authority.issueServer({
      publicKey,
      spiffeId: id,
      ttlMs: 3_600_000,
      dnsNames: ['istiod.istio-system.svc'],
    }),
  );
  const { certificatesPem } = issued;
  return { certificatesPem, privateKeyPem: key.privateKeyPem, rootsPem: authority.rootsPem };
}

export const portOf = (server: http.Server): number => {
  const address: AddressInfo | string | null = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
};
