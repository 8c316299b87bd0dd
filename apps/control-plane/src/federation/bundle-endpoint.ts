// Where other meshes get the bundle of this one: HTTPS, for everybody, and nothing else. The certificate is one of the web out of two files, or the control plane's own.
import { readFileSync, statSync } from 'node:fs';
import { createServer, type Server, type ServerOptions } from 'node:https';
import type { MeshAuthority } from '@xebec/ca';
import { type Diagnostic, fail, type Result, succeed } from '@xebec/std';
import { issueServingCertificate } from '../serving/certificates.ts';
import type { OwnBundle } from './own-bundle.ts';

export interface BundleEndpointSettings {
  /** `HOST:PORT`. */
  readonly listen: string;
  /** PEM files of a certificate of the web (`https_web`); absent: the control plane's own (`https_spiffe`). */
  readonly certificate?: { readonly certificateFile: string; readonly keyFile: string };
  /** How often others are to ask. */
  readonly refreshMs?: number;
}

export interface BundleEndpointOptions {
  readonly settings: BundleEndpointSettings;
  readonly bundle: OwnBundle;
  readonly authority: MeshAuthority;
  readonly onProblem: (diagnostic: Diagnostic) => void;
}

export interface BundleEndpoint extends AsyncDisposable {
  readonly address: string;
}

const mostConnections = 256;
const ciphers = [
  ...['ECDHE-ECDSA-AES128-GCM-SHA256', 'ECDHE-RSA-AES128-GCM-SHA256', 'ECDHE-ECDSA-AES256-GCM-SHA384'],
  ...['ECDHE-RSA-AES256-GCM-SHA384', 'ECDHE-ECDSA-CHACHA20-POLY1305', 'ECDHE-RSA-CHACHA20-POLY1305'],
  ...['TLS_AES_128_GCM_SHA256', 'TLS_AES_256_GCM_SHA384', 'TLS_CHACHA20_POLY1305_SHA256'],
].join(':');
const renewEveryMs = 3_600_000;
const lookEveryMs = 30_000;

interface Presented {
  readonly cert: string;
  readonly key: string;
}

const limits: ServerOptions = {
  minVersion: 'TLSv1.2',
  ciphers,
  requestTimeout: 5_000,
  headersTimeout: 5_000,
  keepAliveTimeout: 5_000,
  maxHeaderSize: 8_192,
};

export async function openBundleEndpoint(options: BundleEndpointOptions): Promise<Result<BundleEndpoint>> {
  const presented = await present(options);
  if (!presented.ok) return presented;
  const server = createServer(limits, (request, response) => {
    const isRead = request.method === 'GET' || request.method === 'HEAD';
    if (!isRead) return void response.writeHead(405, { allow: 'GET, HEAD' }).end();
    response.writeHead(200, {
      'content-type': 'application/json; charset=utf-8',
      'cache-control': 'no-store',
    });
    return void response.end(options.bundle.document());
  });
  const [unusable] = use(server, presented.value);
  if (unusable !== undefined) return fail(unusable);
  server.maxConnections = mostConnections;
  server.on('tlsClientError', (_error, socket) => socket.destroy());
  const address = await listen(server, options.settings.listen);
  if (!address.ok) return address;
  const renewal = keepPresented(server, options, presented.value);
  return succeed({
    address: address.value,
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        renewal[Symbol.dispose]();
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  });
}

const hostOf = (address: string): string =>
  address.slice(0, address.lastIndexOf(':')).replace(/^\[|\]$/g, '');

async function present({ settings, authority }: BundleEndpointOptions): Promise<Result<Presented>> {
  const { certificate, listen: address } = settings;
  if (certificate !== undefined) return readPair(certificate);
  const issued = await issueServingCertificate(authority, [hostOf(address)]);
  if (!issued.ok) return issued;
  const { certificateChain: cert, privateKey: key } = issued.value.material;
  return succeed({ cert, key });
}

type Files = NonNullable<BundleEndpointSettings['certificate']>;

function readPair({ certificateFile, keyFile }: Files): Result<Presented> {
  try {
    return succeed({ cert: readFileSync(certificateFile, 'utf8'), key: readFileSync(keyFile, 'utf8') });
  } catch (error) {
    return fail({
      severity: 'error',
      code: 'bundle-certificate-unreadable',
      message: `the certificate of the bundle endpoint cannot be read: ${error instanceof Error ? error.message : String(error)}`,
      remedy: 'give PEM files with --bundle-certificate and --bundle-key, or neither',
    });
  }
}

/** Own certificates are issued anew in good time and after every change of the authority; files are read when they have changed. */
function keepPresented(server: Server, options: BundleEndpointOptions, first: Presented): Disposable {
  const { settings, authority, onProblem } = options;
  const { certificate } = settings;
  let current = first;
  let told = '';
  const renew = async (): Promise<void> => {
    const next = await present(options);
    if (next.ok && next.value.cert === current.cert && next.value.key === current.key) return;
    const problems = next.ok ? use(server, next.value) : next.diagnostics;
    if (next.ok && problems.length === 0) current = next.value;
    const text = JSON.stringify(problems);
    if (text !== told) problems.forEach(onProblem);
    told = text;
  };
  let version = certificate === undefined ? '' : versionOf(certificate);
  const look = (): void => {
    if (certificate === undefined || versionOf(certificate) === version) return;
    version = versionOf(certificate);
    void renew();
  };
  const timer =
    certificate === undefined
      ? setInterval(() => void renew(), renewEveryMs)
      : setInterval(look, lookEveryMs);
  timer.unref();
  const changes = certificate === undefined ? authority.subscribe(() => void renew()) : undefined;
  return {
    [Symbol.dispose]() {
      clearInterval(timer);
      changes?.[Symbol.dispose]();
    },
  };
}

function use(server: Server, presented: Presented): readonly Diagnostic[] {
  try {
    server.setSecureContext({ minVersion: 'TLSv1.2', ciphers, ...presented });
    return [];
  } catch (error) {
    return [notUsable(error)];
  }
}

const notUsable = (error: unknown): Diagnostic => ({
  severity: 'error',
  code: 'bundle-certificate-unusable',
  message: `the certificate of the bundle endpoint cannot be used: ${error instanceof Error ? error.message : String(error)}`,
  remedy: 'write a certificate with its chain, and the key that belongs to it',
});

function versionOf({ certificateFile, keyFile }: Files): string {
  const of = (file: string): string => {
    const { mtimeMs, size, ino } = statSync(file, { throwIfNoEntry: false }) ?? {
      mtimeMs: 0,
      size: 0,
      ino: 0,
    };
    return [mtimeMs, size, ino].join();
  };
  return [of(certificateFile), of(keyFile)].join();
}

function listen(server: Server, address: string): Promise<Result<string>> {
  const port = Number(address.slice(address.lastIndexOf(':') + 1));
  return new Promise((resolve) => {
    server.once('error', (error) =>
      resolve(
        fail({
          severity: 'error',
          code: 'cannot-listen',
          message: `cannot listen on ${address}: ${error.message}`,
          remedy: 'choose another address with --bundle-endpoint',
        }),
      ),
    );
    server.listen({ host: hostOf(address), port }, () => {
      const bound = server.address();
      const host = address.slice(0, address.lastIndexOf(':'));
      resolve(succeed(typeof bound === 'object' && bound !== null ? `${host}:${bound.port}` : address));
    });
  });
}
