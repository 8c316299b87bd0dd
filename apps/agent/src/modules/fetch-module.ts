// One attempt to get a module from where it is said to be, checked: it has the sum, and it is a filter that Envoy can run.
import { readFile, stat } from 'node:fs/promises';
import { messageOf } from '../problem.ts';
import { type DownloadLimits, download, refusedWith, usualLimits } from './download.ts';
import { fetchImage, sumOf } from './image.ts';
import { type Fetched, gone, type ModuleRequest } from './module-request.ts';
import { isModule, unpack } from './unpack.ts';

export async function fetchModule(
  request: Pick<ModuleRequest, 'url' | 'sha256' | 'pullSecret'>,
  limits: DownloadLimits = usualLimits,
): Promise<Fetched> {
  const fetched = await fetchAny(request, limits);
  if (fetched.kind === 'failed') return fetched;
  // What is told of files that are no modules helps nobody but those who should not read them.
  if (!isModule(fetched.bytes)) return gone('it is not a WebAssembly module');
  const { sha256 } = request;
  if (sha256 !== undefined && !fetched.sums.includes(sha256)) {
    return gone(`its SHA-256 sum is ${fetched.sums[0] ?? ''}, not ${sha256}`);
  }
  const fault = await faultOf(fetched.bytes);
  return fault === undefined ? fetched : gone(fault);
}

function fetchAny(
  { url, pullSecret }: Pick<ModuleRequest, 'url' | 'pullSecret'>,
  limits: DownloadLimits,
): Promise<Fetched> {
  const [, scheme, rest = ''] = /^(\w+):\/\/(.*)$/s.exec(url) ?? [];
  if (scheme === 'oci') return fetchImage(rest, pullSecret, limits);
  return scheme === 'file' ? fetchFile(rest, limits) : fetchUrl(url, limits);
}

async function fetchFile(path: string, limits: DownloadLimits): Promise<Fetched> {
  try {
    const { size } = await stat(path);
    if (size > limits.bytes) return gone(`it has more than ${limits.bytes} bytes`);
    const bytes = await readFile(path);
    return { kind: 'fetched', bytes, sums: [sumOf(bytes)] };
  } catch (error) {
    return gone(messageOf(error));
  }
}

async function fetchUrl(url: string, limits: DownloadLimits): Promise<Fetched> {
  const answer = await download(url, {}, limits);
  if (answer.kind === 'failed') return answer;
  if (answer.status !== 200) return refusedWith(new URL(url).origin, answer.status);
  const { bytes } = answer;
  try {
    const found = await unpack(bytes, limits.bytes);
    if (found === undefined) return gone('it is not a WebAssembly module');
    return { kind: 'fetched', bytes: found, sums: [sumOf(found), sumOf(bytes)] };
  } catch (error) {
    return gone(`it cannot be unpacked: ${messageOf(error)}`);
  }
}

/** The part of the engine's interface that is used here; the types of the platform leave it out. */
interface Engine {
  compile(bytes: Uint8Array): Promise<object>;
  readonly Module: { exports(module: object): readonly { readonly name: string }[] };
}
declare const WebAssembly: Engine;

/** Envoy would refuse it too, but in words for people who know Envoy. */
async function faultOf(bytes: Uint8Array): Promise<string | undefined> {
  try {
    const compiled = await WebAssembly.compile(bytes);
    const names = WebAssembly.Module.exports(compiled).map(({ name }) => name);
    if (names.some((name) => /^proxy_abi_version_0_(1_0|2_0|2_1)$/.test(name))) return undefined;
    return 'it is a WebAssembly module, but not one for proxies: it exports no proxy_abi_version_0_2_1';
  } catch (error) {
    return `it is not a good WebAssembly module: ${messageOf(error)}`;
  }
}
