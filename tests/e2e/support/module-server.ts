// A web server and registry on loopback: modules as files, as artifacts and inside image layers, with or without a token; it counts what it is asked for.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { sumOf } from './wasm.ts';

export interface ModuleServer extends Disposable {
  /** `127.0.0.1:PORT`. */
  readonly host: string;
  /** Paths that were asked for, in order. */
  readonly asked: string[];
  /** Serves a file at a path; absent: 404. */
  serve(path: string, bytes: Uint8Array | undefined): void;
  /** Serves an image under `REPOSITORY:TAG`; gives the digest of its manifest. */
  push(image: string, module: Uint8Array, as?: 'artifact' | 'image'): string;
  /** From now on a token is needed for the registry, and `user:password` to get one. */
  protect(credentials: string): void;
}

const artifactLayer = 'application/vnd.module.wasm.content.layer.v1+wasm';
const imageLayer = 'application/vnd.docker.image.rootfs.diff.tar.gzip';
const manifestType = 'application/vnd.oci.image.manifest.v1+json';

export async function startModuleServer(): Promise<ModuleServer> {
  const files = new Map<string, { readonly bytes: Uint8Array; readonly type?: string }>();
  const asked: string[] = [];
  let credentials: string | undefined;
  const server = createServer((request, response) => {
    const [path = ''] = (request.url ?? '').split('?');
    asked.push(request.url ?? '');
    if (path === '/token') {
      giveToken(request, response, credentials);
      return;
    }
    if (
      path.startsWith('/v2/') &&
      credentials !== undefined &&
      request.headers.authorization !== 'Bearer secret'
    ) {
      const challenge = `Bearer realm="http://${hostOf(server)}/token",service="tests",scope="repository:pull"`;
      response.writeHead(401, { 'www-authenticate': challenge }).end();
      return;
    }
    const found = files.get(path);
    if (found === undefined) response.writeHead(404).end();
    else response.writeHead(200, { 'content-type': found.type ?? 'application/wasm' }).end(found.bytes);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    host: hostOf(server),
    asked,
    serve: (path, bytes) => void (bytes === undefined ? files.delete(path) : files.set(path, { bytes })),
    push(image, module, as = 'artifact') {
      const [repository = '', tag = ''] = image.split(':');
      const layer = as === 'artifact' ? module : gzipSync(tarOf('./plugin.wasm', module));
      files.set(`/v2/${repository}/blobs/sha256:${sumOf(layer)}`, { bytes: layer });
      const mediaType = as === 'artifact' ? artifactLayer : imageLayer;
      const layers = [{ mediaType, digest: `sha256:${sumOf(layer)}`, size: layer.length }];
      const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: manifestType, layers }));
      for (const name of [tag, `sha256:${sumOf(bytes)}`]) {
        files.set(`/v2/${repository}/manifests/${name}`, { bytes, type: manifestType });
      }
      return sumOf(bytes);
    },
    protect: (wanted) => {
      credentials = wanted;
    },
    [Symbol.dispose]: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

const hostOf = (server: Server): string => `127.0.0.1:${(server.address() as AddressInfo).port}`;

function giveToken(request: IncomingMessage, response: ServerResponse, credentials = ''): void {
  const wanted = `Basic ${Buffer.from(credentials).toString('base64')}`;
  if (request.headers.authorization !== wanted) response.writeHead(401).end();
  else response.writeHead(200, { 'content-type': 'application/json' }).end('{"token":"secret"}');
}

/** A tar with one file. */
function tarOf(name: string, content: Uint8Array): Uint8Array {
  const header = Buffer.alloc(512);
  header.write(name, 0);
  header.write('0000644\0', 100);
  header.write(`${content.length.toString(8).padStart(11, '0')}\0`, 124);
  header.write('0', 156);
  header.write('ustar\0', 257);
  const padding = Buffer.alloc((512 - (content.length % 512)) % 512);
  return Buffer.concat([header, content, padding, Buffer.alloc(1024)]);
}
