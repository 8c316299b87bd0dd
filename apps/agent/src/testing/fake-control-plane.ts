// A control plane for tests: real certificates over real TLS, the admin API as agents use it, and the discovery of one echo service.
import { once } from 'node:events';
import http from 'node:http';
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
  type ServingCertificate,
  type TokenStore,
} from '@xebec/ca';
import { formatDiagnostic, type Result } from '@xebec/std';
import { type Manifest, parseJson } from '../control/control-client.ts';
import { isRecord } from '../control/object-watch.ts';
import { collectText } from '../control/unix-http.ts';
import { FakeDiscovery } from './fake-discovery.ts';

/** The value of a result that must be one. */
export function unwrap<T>(result: Result<T>): T {
  if (result.ok) return result.value;
  throw new Error(result.diagnostics.map(formatDiagnostic).join('\n'));
}

export interface FakeOptions {
  readonly directory: string;
  readonly leafTtlMs?: number;
}

const trustDomain = 'cluster.local';

export class FakeControlPlane {
  readonly controlSocket: string;
  readonly rootsFile: string;
  readonly authority: Authority;
  readonly discovery = new FakeDiscovery();
  /** What agents reported, by key. */
  readonly pods = new Map<string, Manifest>();
  tokensIssued = 0;
  readonly #tokens: TokenStore;
  readonly #objects = new Map<string, Manifest>();
  readonly #watchers = new Set<http.ServerResponse>();
  #admin = http.createServer();
  #server = new grpc.Server();
  #port = 0;

  constructor({ directory, leafTtlMs }: FakeOptions) {
    const ttl = leafTtlMs === undefined ? {} : { leafTtlMs };
    this.authority = unwrap(openAuthority({ directory: path.join(directory, 'ca'), trustDomain, ...ttl }));
    this.#tokens = createTokenStore({ trustDomain });
    this.controlSocket = path.join(directory, 'control.sock');
    this.rootsFile = path.join(directory, 'ca', 'root-cert.pem');
  }

  get xdsAddress(): string {
    return `127.0.0.1:${this.#port}`;
  }

  async start(): Promise<void> {
    this.#admin = http.createServer((request, response) => void this.#answer(request, response));
    this.#admin.listen(this.controlSocket);
    await once(this.#admin, 'listening');
    const { authority } = this;
    const clock = Date.now;
    this.#server = new grpc.Server();
    addCertificateService(this.#server, {
      authority,
      authenticators: [
        peerCertificateAuthenticator({ trustDomain, issuers: authority.issuers, clock }),
        joinTokenAuthenticator(this.#tokens),
      ],
      clock,
      audit: () => undefined,
    });
    this.discovery.addTo(this.#server);
    const serving = await servingCertificate(authority);
    const { credentials } = createServingCredentials(serving, { requireClientCertificate: false });
    this.#port = await bind(this.#server, `127.0.0.1:${this.#port}`, credentials);
  }

  /** As if killed: every connection breaks; objects stay, Pods are forgotten. */
  async kill(): Promise<void> {
    this.#server.forceShutdown();
    const closed = once(this.#admin, 'close');
    this.#admin.close();
    this.#admin.closeAllConnections();
    await closed;
    this.pods.clear();
    this.discovery.setPods(this.pods);
  }

  set(key: string, object: Manifest): void {
    this.#objects.set(key, object);
    this.#tell({ type: 'set', key, object });
  }

  delete(key: string): void {
    this.#objects.delete(key);
    this.#tell({ type: 'delete', key });
  }

  /** Puts a Pod that no agent reported. */
  plantPod(key: string, object: Manifest): void {
    this.pods.set(key, object);
  }

  #tell(event: unknown): void {
    for (const watcher of this.#watchers) watcher.write(`${JSON.stringify(event)}\n`);
  }

  async #answer(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    const body = parseJson(await collectText(request, 10_000_000));
    const url = request.url ?? '';
    if (url.startsWith('/v1/watch')) this.#watch(response);
    else if (url === '/v1/tokens') this.#issueToken(body, response);
    else if (url === '/v1/runtime') this.#putPod(body, response);
    else if (request.method === 'DELETE')
      this.#deletePod(decodeURIComponent(url.slice('/v1/runtime/'.length)), response);
    else response.writeHead(404).end();
  }

  #watch(response: http.ServerResponse): void {
    response.writeHead(200, { 'content-type': 'application/x-ndjson' });
    for (const [key, object] of [...this.#objects, ...this.pods]) {
      response.write(`${JSON.stringify({ type: 'set', key, object })}\n`);
    }
    response.write(`${JSON.stringify({ type: 'synced' })}\n`);
    this.#watchers.add(response);
    response.on('close', () => this.#watchers.delete(response));
  }

  #issueToken(body: unknown, response: http.ServerResponse): void {
    this.tokensIssued += 1;
    const { namespace, serviceAccount } = isRecord(body) ? body : {};
    const issued = this.#tokens.issue({
      namespace: String(namespace),
      serviceAccount: String(serviceAccount),
    });
    response.end(JSON.stringify({ token: unwrap(issued) }));
  }

  #putPod(body: unknown, response: http.ServerResponse): void {
    const object = isRecord(body) && isRecord(body['object']) ? body['object'] : {};
    const metadata = isRecord(object['metadata']) ? object['metadata'] : {};
    const key = `Pod/${String(metadata['namespace'])}/${String(metadata['name'])}`;
    this.pods.set(key, object);
    this.discovery.setPods(this.pods);
    response.end(JSON.stringify({ key }));
  }

  #deletePod(key: string, response: http.ServerResponse): void {
    this.pods.delete(key);
    this.discovery.setPods(this.pods);
    response.end(JSON.stringify({ deleted: true }));
  }
}

const bind = (server: grpc.Server, address: string, credentials: grpc.ServerCredentials): Promise<number> =>
  new Promise((resolve, reject) => {
    server.bindAsync(address, credentials, (error, port) => (error === null ? resolve(port) : reject(error)));
  });

async function servingCertificate(authority: Authority): Promise<ServingCertificate> {
  const spiffeId = `spiffe://${trustDomain}/ns/istio-system/sa/istiod`;
  const { csrPem, privateKeyPem } = unwrap(await createKeyAndCsr(spiffeId));
  const publicKey = unwrap(parseCsr(csrPem));
  const dnsNames = ['istiod.istio-system.svc'];
  const issued = unwrap(authority.issueServer({ publicKey, spiffeId, ttlMs: 3_600_000, dnsNames }));
  return { certificatesPem: issued.certificatesPem, privateKeyPem, rootsPem: authority.rootsPem };
}
