// Documents become valid objects with a key, or refusals; a key that appears twice is refused with both places.
import {
  type AnyObject,
  keyOf,
  kindOf,
  type ObjectKey,
  objectKey,
  parseObject,
  type RawObject,
} from '@xebec/config';
import { type Diagnostic, formatOrigin, hashText, stableStringify } from '@xebec/std';
import { isMap } from './manifest.ts';
import type { Refusal } from './types.ts';

/** A document whose key is known. */
export interface Candidate {
  readonly key: ObjectKey;
  readonly raw: RawObject;
}

export interface Candidates {
  readonly candidates: readonly Candidate[];
  readonly refused: readonly Refusal[];
}

/** The key of a document, valid or not; undefined when it does not say what it is. */
export function identify(raw: RawObject, defaultNamespace: string): ObjectKey | undefined {
  if (!isMap(raw.value)) return undefined;
  const { apiVersion, kind, metadata } = raw.value;
  if (typeof apiVersion !== 'string' || typeof kind !== 'string' || !isMap(metadata)) return undefined;
  const definition = kindOf(apiVersion, kind);
  const { name, namespace } = metadata;
  if (definition === undefined || typeof name !== 'string' || name === '') return undefined;
  if (!definition.isNamespaced) return objectKey(definition.kind, '', name);
  if (namespace !== undefined && namespace !== null && typeof namespace !== 'string') return undefined;
  return objectKey(definition.kind, namespace ?? defaultNamespace, name);
}

/** Keys for all documents; the first of two with one key is kept. */
export function collectCandidates(raws: readonly RawObject[], defaultNamespace: string): Candidates {
  const byKey = new Map<ObjectKey, Candidate>();
  const refused: Refusal[] = [];
  for (const raw of raws) {
    const key = identify(raw, defaultNamespace);
    const first = key === undefined ? undefined : byKey.get(key);
    if (key === undefined) refused.push(refuseUnidentified(raw, defaultNamespace));
    else if (first === undefined) byKey.set(key, { key, raw });
    else refused.push({ key, origin: raw.origin, diagnostics: [duplicate(key, first.raw, raw)] });
  }
  return { candidates: [...byKey.values()], refused };
}

/** Says that one object was written twice, naming both places. */
export const duplicate = (key: ObjectKey, first: RawObject, second: RawObject): Diagnostic => ({
  severity: 'error',
  code: 'duplicate-object',
  message: `${key} is also defined at ${formatOrigin(first.origin)}, which is the one that counts`,
  remedy: 'keep one of the two',
  origin: second.origin,
});

function refuseUnidentified(raw: RawObject, defaultNamespace: string): Refusal {
  const parsed = parseObject(raw, { defaultNamespace });
  const diagnostics = parsed.ok ? [unidentified(raw)] : parsed.diagnostics;
  return { origin: raw.origin, diagnostics };
}

const unidentified = (raw: RawObject): Diagnostic => ({
  severity: 'error',
  code: 'unidentified-object',
  message: 'the document does not say what it is',
  remedy: 'write apiVersion, kind and metadata.name',
  origin: raw.origin,
});

export type Parsed =
  | { readonly ok: true; readonly object: AnyObject; readonly warnings: readonly Diagnostic[] }
  | { readonly ok: false; readonly diagnostics: readonly Diagnostic[] };

/** Parses and validates one candidate. */
export function parseCandidate({ key, raw }: Candidate, defaultNamespace: string): Parsed {
  const parsed = parseObject(raw, { defaultNamespace });
  if (!parsed.ok) return parsed;
  const object = parsed.value;
  if (keyOf(object) !== key) return { ok: false, diagnostics: [unidentified(raw)] };
  return { ok: true, object, warnings: parsed.warnings };
}

const hashes = new WeakMap<object, string>();

/** Hash of what a document says, whatever its layout; remembered, since unchanged documents are reused. */
export function hashDocument({ value }: RawObject): string {
  if (!isMap(value)) return hashText(stableStringify(value) ?? '');
  const known = hashes.get(value);
  if (known !== undefined) return known;
  const hash = hashText(stableStringify(value));
  hashes.set(value, hash);
  return hash;
}
