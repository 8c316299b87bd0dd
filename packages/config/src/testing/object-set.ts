// A set of objects from YAML text, as the store would offer it.
import { fileURLToPath } from 'node:url';
import { type Diagnostic, formatDiagnostic } from '@xebec/std';
import type { ObjectLookup } from '../analyze/lookup.ts';
import type { AnyObject, KindName, ObjectOf } from '../kinds/kind-map.ts';
import { keyOf } from '../kinds/registry.ts';
import { parseObject } from '../object/parse-object.ts';
import type { RawObject } from '../types.ts';
import { parseDocuments } from '../yaml/parse-documents.ts';

/** Folder of the samples that are delivered with the product. */
export const samplesFolder = fileURLToPath(new URL('../../../../samples/', import.meta.url));

const isOf = <K extends KindName>(object: AnyObject, kind: K): object is AnyObject & ObjectOf<K> =>
  object.kind === kind;

/** Throws when an object is not valid. */
export function objectSet(text: string, file = 'f.yaml'): ObjectLookup {
  const raws = new Map<string, RawObject>();
  const objects = parseDocuments(text, file).objects.map((raw) => {
    const result = parseObject(raw, { defaultNamespace: 'default' });
    if (!result.ok) throw new Error(result.diagnostics.map(formatDiagnostic).join('\n'));
    raws.set(keyOf(result.value), raw);
    return result.value;
  });
  return {
    list: (kind) => objects.filter((object) => isOf(object, kind)),
    locate: (key, path) => raws.get(key)?.locate(path),
  };
}

/** `8:5 unknown-host spec.http[0]…`. */
export const shortFinding = ({ origin = {}, code, field = '-' }: Diagnostic): string =>
  `${origin.line}:${origin.column} ${code} ${field}`;
