// What a dry run would change, line by line: the objects as they are against the documents as they would be kept.
import { parseDocuments, parseObject, toManifest } from '@xebec/config';
import { diffChange } from '@xebec/store';
import type { ControlPlane } from '../admin/control-plane.ts';
import { at, isObject, type JsonObject, objectOf, objectsOf } from '../admin/json.ts';
import type { Cli } from '../cli.ts';
import type { SourceText } from '../documents/read-documents.ts';
import { type Palette, paletteFor } from '../output/colour.ts';
import { printable } from '../output/printable.ts';
import type { Applied } from './changes.ts';

export interface DryRun {
  readonly controlPlane: ControlPlane;
  readonly applied: Applied;
  readonly documents: readonly SourceText[];
  readonly options: { readonly namespace: string };
}

export async function printDryRunDiff(
  cli: Cli,
  { controlPlane, applied, documents, options }: DryRun,
): Promise<void> {
  const wanted = wantedManifests(documents, options.namespace);
  const palette = paletteFor(cli, cli.stdout);
  for (const { key, change } of applied.changes) {
    const after = wanted.get(key);
    if (change === 'unchanged' || after === undefined) continue;
    const before = change === 'created' ? undefined : await currentManifest(controlPlane, key);
    const diff = diffChange({ key: asKey(key), after, ...(before === undefined ? {} : { before }) });
    cli.stdout.write(`\n${paintDiff(printable(diff), palette)}\n`);
  }
}

const asKey = (key: string): `${string}/${string}/${string}` => {
  const [kind = '', namespace = '', name = ''] = key.split('/');
  return `${kind}/${namespace}/${name}`;
};

function wantedManifests(
  documents: readonly SourceText[],
  defaultNamespace: string,
): Map<string, JsonObject> {
  const manifests = new Map<string, JsonObject>();
  for (const { file, text } of documents) {
    for (const raw of parseDocuments(text, file).objects) {
      const parsed = parseObject(raw, { defaultNamespace });
      if (!parsed.ok) continue;
      const { kind, metadata } = parsed.value;
      const manifest = toManifest(parsed.value);
      const named = metadata.namespace === '' ? {} : { namespace: metadata.namespace };
      manifests.set(`${kind}/${metadata.namespace}/${metadata.name}`, {
        ...manifest,
        metadata: { ...objectOf(at(manifest, 'metadata')), ...named },
      });
    }
  }
  return manifests;
}

/** As it is kept: without what the store adds to what it shows. */
async function currentManifest(controlPlane: ControlPlane, key: string): Promise<JsonObject | undefined> {
  const [kind = '', namespace = '', name = ''] = key.split('/').map(encodeURIComponent);
  const answer = await controlPlane.get(`/v1/objects?kind=${kind}&namespace=${namespace}&name=${name}`);
  const [found] = answer.ok ? objectsOf(at(answer.value, 'items')) : [];
  return found === undefined ? undefined : toManifest({ manifest: writtenPart(found) });
}

const addedFields = new Set(['resourceVersion', 'generation', 'uid', 'creationTimestamp']);

/** The manifest as somebody wrote it, out of what the API shows. */
export function writtenPart(object: JsonObject): JsonObject {
  const { key: _key, origin: _origin, owner: _owner, status: _status, metadata, ...rest } = object;
  const own = isObject(metadata) ? Object.entries(metadata).filter(([name]) => !addedFields.has(name)) : [];
  return { ...rest, metadata: Object.fromEntries(own) };
}

/** Colours a unified diff. */
export function paintDiff(diff: string, palette: Palette): string {
  return diff
    .split('\n')
    .map((line) => {
      if (line.startsWith('---') || line.startsWith('+++')) return palette.bold(line);
      if (line.startsWith('+')) return palette.green(line);
      if (line.startsWith('-')) return palette.red(line);
      return line.startsWith('@@') ? palette.cyan(line) : line;
    })
    .join('\n');
}
