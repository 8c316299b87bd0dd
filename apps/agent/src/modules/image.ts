// A module out of an image of a registry: a layer that is the module, or the newest layer with a file `plugin.wasm`. The rule: every part has the digest it is known by.
import { createHash } from 'node:crypto';
import { type ImageReference, readImageReference } from '@xebec/config';
import { parseJson } from '../control/control-client.ts';
import { isRecord } from '../control/object-watch.ts';
import { messageOf } from '../problem.ts';
import { type Downloaded, type DownloadLimits, usualLimits } from './download.ts';
import { type Fetched, gone, type ModuleFailure } from './module-request.ts';
import { createRegistryClient, registryAt } from './registry-access.ts';
import { isModule, unpack } from './unpack.ts';

export const sumOf = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

const manifestTypes = [
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.v2+json',
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
].join(', ');

interface Descriptor {
  readonly digest: string;
  readonly mediaType: string;
  readonly size: number;
  readonly architecture: string;
}

interface Manifest {
  readonly sum: string;
  readonly layers: readonly Descriptor[];
  readonly manifests: readonly Descriptor[];
}

type Ask = (path: string, accept: string) => Promise<Downloaded | ModuleFailure>;

/** `HOST/REPOSITORY[:TAG][@sha256:DIGEST]`. */
export async function fetchImage(
  written: string,
  pullSecret: string | undefined,
  limits: DownloadLimits = usualLimits,
): Promise<Fetched> {
  const reference = readImageReference(written);
  if (reference === undefined) return gone(`${written} is not an image of a registry`);
  const ask = createRegistryClient(registryAt(reference.registry, pullSecret), limits);
  const top = await manifestAt(ask, reference, wantedOf(reference));
  if (top.kind === 'failed') return top;
  const chosen = chooseOf(top.manifests);
  const image = chosen === undefined ? top : await manifestAt(ask, reference, chosen.digest);
  if (image.kind === 'failed') return image;
  const found = await moduleIn(ask, reference, { layers: image.layers, limits });
  if (!(found instanceof Uint8Array)) return found;
  return { kind: 'fetched', bytes: found, sums: [sumOf(found), top.sum, image.sum] };
}

const wantedOf = ({ digest, tag }: ImageReference): string =>
  digest === undefined ? (tag ?? 'latest') : `sha256:${digest}`;

async function manifestAt(
  ask: Ask,
  { repository }: ImageReference,
  wanted: string,
): Promise<(Manifest & { readonly kind: 'manifest' }) | ModuleFailure> {
  const answer = await ask(`/v2/${repository}/manifests/${wanted}`, manifestTypes);
  if (answer.kind === 'failed') return answer;
  const sum = sumOf(answer.bytes);
  if (wanted.startsWith('sha256:') && wanted !== `sha256:${sum}`)
    return gone(`the registry sends another manifest than ${wanted}`);
  const body = parseJson(Buffer.from(answer.bytes).toString());
  if (!isRecord(body)) return gone('the registry’s manifest is not JSON');
  return {
    kind: 'manifest',
    sum,
    layers: descriptorsOf(body['layers']),
    manifests: descriptorsOf(body['manifests']),
  };
}

function descriptorsOf(value: unknown): readonly Descriptor[] {
  if (!Array.isArray(value)) return [];
  return value.flatMap((each: unknown) => {
    if (!isRecord(each)) return [];
    const { digest, mediaType, size, platform } = each;
    if (typeof digest !== 'string' || !/^sha256:[0-9a-f]{64}$/.test(digest)) return [];
    const architecture = isRecord(platform) ? platform['architecture'] : undefined;
    return [
      {
        digest,
        mediaType: typeof mediaType === 'string' ? mediaType : '',
        size: typeof size === 'number' ? size : 0,
        architecture: typeof architecture === 'string' ? architecture : '',
      },
    ];
  });
}

/** Of an image for several platforms: the one for Wasm, else the most usual one. */
const chooseOf = (manifests: readonly Descriptor[]): Descriptor | undefined =>
  manifests.find(({ architecture }) => architecture.startsWith('wasm')) ??
  manifests.find(({ architecture }) => architecture === 'amd64') ??
  manifests[0];

interface Layers {
  readonly layers: readonly Descriptor[];
  readonly limits: DownloadLimits;
}

async function moduleIn(
  ask: Ask,
  { repository }: ImageReference,
  { layers, limits }: Layers,
): Promise<Uint8Array | ModuleFailure> {
  for (const { digest, size, mediaType } of [...layers].reverse()) {
    if (!/wasm|tar/.test(mediaType)) continue;
    if (size > limits.bytes) return gone(`a layer has more than ${limits.bytes} bytes`);
    const answer = await ask(`/v2/${repository}/blobs/${digest}`, '*/*');
    if (answer.kind === 'failed') return answer;
    if (digest !== `sha256:${sumOf(answer.bytes)}`)
      return gone(`the registry sends another layer than ${digest}`);
    if (isModule(answer.bytes)) return answer.bytes;
    try {
      const found = await unpack(answer.bytes, limits.bytes);
      if (found !== undefined) return found;
    } catch (error) {
      return gone(`a layer cannot be unpacked: ${messageOf(error)}`);
    }
  }
  return gone('the image has no layer with a module, and none with a file plugin.wasm');
}
