// Modules from files, web servers and registries: what is taken, what is refused and in which words, and who gets credentials.
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fetchModule } from './fetch-module.ts';

/** An empty module that exports one function. */
const moduleWith = (name: string): Buffer =>
  Buffer.concat([
    Buffer.from([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 1, 4, 1, 0x60, 0, 0, 3, 2, 1, 0]),
    Buffer.from([7, name.length + 4, 1, name.length]),
    Buffer.from(name),
    Buffer.from([0, 0, 10, 4, 1, 2, 0, 0x0b]),
  ]);
const good = moduleWith('proxy_abi_version_0_2_1');
const sumOf = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

const limits = { bytes: 4_096, timeoutMs: 500 };
const fetch = (url: string, more: { sha256?: string; pullSecret?: string } = {}) =>
  fetchModule({ sha256: undefined, pullSecret: undefined, ...more, url }, limits);
const reasonOf = async (url: string, more = {}): Promise<string> => {
  const outcome = await fetch(url, more);
  return outcome.kind === 'failed' ? `${outcome.isFinal ? 'final' : 'later'}: ${outcome.reason}` : 'fetched';
};

type Handler = (
  request: { readonly url: string; readonly authorization: string | undefined },
  response: ServerResponse,
) => void;

let directory: string;
let server: Server;
let origin: string;
let handler: Handler;
const seen: string[] = [];

beforeEach(async () => {
  directory = mkdtempSync(path.join(tmpdir(), 'xebec-modules-'));
  handler = (_request, response) => void response.writeHead(404).end();
  server = createServer((request, response) => {
    const asked = { url: request.url ?? '', authorization: request.headers.authorization };
    seen.push(`${asked.url} ${asked.authorization ?? '-'}`);
    handler(asked, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  origin = `127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterEach(() => {
  seen.length = 0;
  server.close();
  server.closeAllConnections();
  rmSync(directory, { recursive: true });
});

describe('a file', () => {
  const write = (name: string, bytes: Uint8Array): string => {
    writeFileSync(path.join(directory, name), bytes);
    return `file://${path.join(directory, name)}`;
  };

  it('is taken when it is a filter with the right sum', async () => {
    expect(await fetch(write('a.wasm', good), { sha256: sumOf(good) })).toMatchObject({ kind: 'fetched' });
  });

  it.each([
    ['another sum', good, { sha256: '0'.repeat(64) }, /^final: its SHA-256 sum is [0-9a-f]{64}, not 0{64}$/],
    [
      'no module',
      Buffer.from('hello'),
      { sha256: '0'.repeat(64) },
      /^final: it is not a WebAssembly module$/,
    ],
    ['a broken module', good.subarray(0, 30), {}, /^final: it is not a good WebAssembly module: /],
    ['another program', moduleWith('main'), {}, /^final: .* exports no proxy_abi_version_0_2_1$/],
    ['too much', Buffer.alloc(5_000), {}, /^final: it has more than 4096 bytes$/],
  ])('is refused when it is %s', async (_what, bytes, more, words) => {
    expect(await reasonOf(write('a.wasm', bytes), more)).toMatch(words);
  });

  it('must be there', async () =>
    expect(await reasonOf(`file://${directory}/none`)).toMatch(/^final: ENOENT/));
});

describe('a web server', () => {
  it('may give it packed, known by either sum', async () => {
    const packed = gzipSync(good);
    handler = (_request, response) => void response.end(packed);
    for (const sha256 of [sumOf(good), sumOf(packed)]) {
      expect(await fetch(`http://${origin}/a`, { sha256 })).toMatchObject({ kind: 'fetched' });
    }
  });

  it.each([
    ['is overloaded', 503, 'later'],
    ['has enough of us', 429, 'later'],
    ['has no such file', 404, 'final'],
  ])('%s', async (_what, status, when) => {
    handler = (_request, response) => void response.writeHead(status).end();
    expect(await reasonOf(`http://${origin}/a`)).toBe(`${when}: http://${origin} answers ${status}`);
  });

  it('may redirect, but not for ever', async () => {
    handler = ({ url }, response) =>
      void (url === '/b'
        ? response.end(good)
        : response.writeHead(302, { location: url === '/a' ? '/b' : '/c' }).end());
    expect(await reasonOf(`http://${origin}/a`)).toBe('fetched');
    expect(await reasonOf(`http://${origin}/c`)).toBe(`final: http://${origin} redirects more than 5 times`);
  });

  it('cannot fill the memory, neither with much nor with little that is packed', async () => {
    handler = ({ url }, response) =>
      void response.end(url === '/much' ? Buffer.alloc(10_000) : gzipSync(Buffer.alloc(1e6)));
    expect(await reasonOf(`http://${origin}/much`)).toBe(
      `final: http://${origin} sends more than 4096 bytes`,
    );
    expect(await reasonOf(`http://${origin}/packed`)).toMatch(/^final: it cannot be unpacked/);
  });

  it('that is silent or not there may be so for the moment', async () => {
    handler = () => undefined;
    expect(await reasonOf(`http://${origin}/a`)).toBe(`later: http://${origin}: no answer within 0.5 s`);
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    expect(await reasonOf(`http://${origin}/a`)).toMatch(/^later: .*ECONNREFUSED/);
  });
});

interface Pushed {
  readonly digest: string;
  readonly paths: ReadonlyMap<string, Uint8Array>;
}

/** What a registry serves for an image with these layers. */
function imageOf(...layers: readonly (readonly [mediaType: string, bytes: Uint8Array])[]): Pushed {
  const descriptors = layers.map(([mediaType, bytes]) => ({
    mediaType,
    digest: `sha256:${sumOf(bytes)}`,
    size: bytes.length,
  }));
  const manifest = Buffer.from(JSON.stringify({ layers: descriptors }));
  const digest = sumOf(manifest);
  return {
    digest,
    paths: new Map([
      ['/v2/a/manifests/v1', manifest],
      [`/v2/a/manifests/sha256:${digest}`, manifest],
      ...layers.map(([, bytes]): [string, Uint8Array] => [`/v2/a/blobs/sha256:${sumOf(bytes)}`, bytes]),
    ]),
  };
}

const serve =
  (paths: ReadonlyMap<string, Uint8Array>): Handler =>
  ({ url }, response) => {
    const found = paths.get(url);
    if (found === undefined) response.writeHead(404).end();
    else response.end(found);
  };

const wasmLayer = 'application/vnd.module.wasm.content.layer.v1+wasm';

describe('a registry', () => {
  it('gives the newest layer with a module, by tag, digest, or the sum of either', async () => {
    const older = ['application/vnd.oci.image.layer.v1.tar', Buffer.alloc(1_024)] as const;
    const { paths, digest } = imageOf(older, [wasmLayer, good]);
    handler = serve(paths);
    for (const sha256 of [digest, sumOf(good)]) {
      expect(await reasonOf(`oci://${origin}/a:v1`, { sha256 })).toBe('fetched');
    }
    expect(await reasonOf(`oci://${origin}/a@sha256:${digest}`)).toBe('fetched');
    expect(await reasonOf(`oci://${origin}/a:v1`, { sha256: '1'.repeat(64) })).toMatch(/^final: its SHA-256/);
  });

  it('gives the image for Wasm out of several', async () => {
    const image = imageOf([wasmLayer, good]);
    const manifests = [
      { digest: `sha256:${'2'.repeat(64)}`, platform: { architecture: 'arm64' } },
      { digest: `sha256:${image.digest}`, platform: { architecture: 'wasm' } },
    ];
    const top = Buffer.from(JSON.stringify({ manifests }));
    handler = serve(new Map([...image.paths, ['/v2/a/manifests/v1', top]]));
    expect(await reasonOf(`oci://${origin}/a:v1`)).toBe('fetched');
  });

  it('is not believed', async () => {
    const { paths, digest } = imageOf([wasmLayer, good]);
    handler = serve(
      new Map([...paths].map(([at, bytes]) => [at, at.includes('blobs') ? Buffer.from('x') : bytes])),
    );
    expect(await reasonOf(`oci://${origin}/a:v1`)).toMatch(/^final: the registry sends another layer than/);
    handler = serve(new Map([[`/v2/a/manifests/sha256:${digest}`, Buffer.from('{}')]]));
    expect(await reasonOf(`oci://${origin}/a@sha256:${digest}`)).toMatch(
      /^final: the registry sends another manifest/,
    );
  });

  it('has to have a module in the image', async () => {
    handler = serve(imageOf(['application/vnd.oci.image.layer.v1.tar', Buffer.alloc(1_024)]).paths);
    expect(await reasonOf(`oci://${origin}/a:v1`)).toMatch(/^final: the image has no layer with a module/);
    handler = serve(new Map([['/v2/a/manifests/v1', Buffer.from('[')]]));
    expect(await reasonOf(`oci://${origin}/a:v1`)).toBe('final: the registry’s manifest is not JSON');
  });

  it('gets a password when it asks, and nobody else does', async () => {
    const { paths } = imageOf([wasmLayer, good]);
    const blob = `/v2/a/blobs/sha256:${sumOf(good)}`;
    const elsewhere = createServer((request, response) => {
      seen.push(`elsewhere ${request.headers.authorization ?? '-'}`);
      response.end(good);
    });
    await new Promise<void>((resolve) => elsewhere.listen(0, '127.0.0.1', resolve));
    const location = `http://127.0.0.1:${(elsewhere.address() as AddressInfo).port}/`;
    handler = ({ url, authorization }, response) => {
      if (authorization === undefined)
        response.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end();
      else if (url === blob) response.writeHead(307, { location }).end();
      else serve(paths)({ url, authorization }, response);
    };
    const pullSecret = JSON.stringify({
      auths: { [`https://${origin}/v1/`]: { username: 'me', password: 'pw' } },
    });
    const basic = `Basic ${Buffer.from('me:pw').toString('base64')}`;
    expect(await reasonOf(`oci://${origin}/a:v1`, { pullSecret })).toBe('fetched');
    expect(seen).toEqual([
      '/v2/a/manifests/v1 -',
      `/v2/a/manifests/v1 ${basic}`,
      `${blob} ${basic}`,
      'elsewhere -',
    ]);
    expect(await reasonOf(`oci://${origin}/a:v1`)).toMatch(/answers 401$/);
    expect(await reasonOf(`oci://${origin}/a:v1`, { pullSecret: 'no json' })).toMatch(/answers 401$/);
    elsewhere.close();
    elsewhere.closeAllConnections();
  });

  it('that wants tokens from a place without TLS gets no password', async () => {
    handler = (_request, response) =>
      void response.writeHead(401, { 'www-authenticate': 'Bearer realm="http://tokens.example/"' }).end();
    const pullSecret = JSON.stringify({ auths: { [origin]: { auth: 'bWU6cHc=' } } });
    expect(await reasonOf(`oci://${origin}/a:v1`, { pullSecret })).toMatch(/answers 401$/);
    expect(seen).toEqual(['/v2/a/manifests/v1 -']);
  });
});
