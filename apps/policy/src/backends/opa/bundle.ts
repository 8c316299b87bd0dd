// A compiled policy as it is handed over: a Wasm module, or the bundle (tar.gz) of `opa build -t wasm` with its data. Rule: everything is bounded before it is unpacked; what is malformed throws with what is wrong.
import { gunzipSync } from 'node:zlib';

export interface CompiledPolicyFile {
  readonly module: Uint8Array;
  readonly data: Readonly<Record<string, unknown>>;
}

const mostUnpackedBytes = 64 * 1_048_576;
const blockBytes = 512;

export function readCompiledPolicy(content: Uint8Array, entrypoint: string): CompiledPolicyFile {
  if (isModule(content)) return { module: content, data: {} };
  if (content[0] !== 0x1f || content[1] !== 0x8b)
    throw new Error('neither a Wasm module nor a bundle of OPA');
  const files = new Map(entriesOf(gunzipSync(content, { maxOutputLength: mostUnpackedBytes })));
  const path = moduleFor(entrypoint, files);
  const module = files.get(path);
  if (module === undefined || !isModule(module))
    throw new Error(`the bundle has no module ${path}: build it with "opa build -t wasm"`);
  return { module, data: dataIn(files) };
}

const isModule = (bytes: Uint8Array): boolean =>
  bytes[0] === 0 && bytes[1] === 0x61 && bytes[2] === 0x73 && bytes[3] === 0x6d;

type Files = ReadonlyMap<string, Uint8Array>;

/** The manifest says which module has which entrypoint. */
function moduleFor(entrypoint: string, files: Files): string {
  const resolvers: unknown = Object(jsonIn(files, '.manifest')).wasm;
  const found: unknown = Array.isArray(resolvers)
    ? resolvers.find((each) => Object(each).entrypoint === entrypoint)
    : undefined;
  const named: unknown = Object(found).module;
  return typeof named === 'string' ? nameOf(named) : 'policy.wasm';
}

/** `a/b/data.json` is `data.a.b`. */
function dataIn(files: Files): Readonly<Record<string, unknown>> {
  const data: Record<string, unknown> = {};
  for (const path of [...files.keys()].sort((left, right) => left.length - right.length)) {
    if (path !== 'data.json' && !path.endsWith('/data.json')) continue;
    let place = data;
    for (const part of path.split('/').slice(0, -1)) place = below(place, part);
    const document = jsonIn(files, path);
    if (typeof document === 'object' && document !== null) assign(place, document);
  }
  return data;
}

function below(place: Record<string, unknown>, name: string): Record<string, unknown> {
  const known = Object.hasOwn(place, name) ? place[name] : undefined;
  const inner: Record<string, unknown> = typeof known === 'object' && known !== null ? { ...known } : {};
  assign(place, { [name]: inner });
  return inner;
}

/** Names such as `__proto__` are names. */
function assign(place: object, values: object): void {
  for (const [name, value] of Object.entries(values))
    Object.defineProperty(place, name, { value, enumerable: true, configurable: true, writable: true });
}

function jsonIn(files: Files, path: string): unknown {
  const bytes = files.get(path);
  if (bytes === undefined) return undefined;
  try {
    const parsed: unknown = JSON.parse(Buffer.from(bytes).toString('utf8'));
    return parsed;
  } catch {
    throw new Error(`${path} of the bundle is not JSON`);
  }
}

/** The files of a tar archive by name, as POSIX describes them. */
function* entriesOf(archive: Buffer): Generator<readonly [string, Uint8Array]> {
  for (let at = 0; at + blockBytes <= archive.length; ) {
    const header = archive.subarray(at, at + blockBytes);
    if (header[0] === 0) return;
    const size = Number.parseInt(textAt(header, 124, 12) || '0', 8);
    const start = at + blockBytes;
    if (!Number.isSafeInteger(size) || size < 0 || start + size > archive.length)
      throw new Error('the bundle is cut off, or no archive');
    const kind = textAt(header, 156, 1);
    const prefix = textAt(header, 345, 155);
    const name = textAt(header, 0, 100);
    if (kind === '' || kind === '0')
      yield [nameOf(prefix === '' ? name : `${prefix}/${name}`), archive.subarray(start, start + size)];
    at = start + Math.ceil(size / blockBytes) * blockBytes;
  }
}

const textAt = (header: Buffer, at: number, length: number): string =>
  header
    .subarray(at, at + length)
    .toString('latin1')
    .split('\0', 1)[0]
    ?.trim() ?? '';

const nameOf = (path: string): string => path.replace(/^\.?\/+/, '');
