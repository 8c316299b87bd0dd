// Manifests between the outside and the store: what is kept of them, and what is shown.
import type { ConfigObject, RawObject } from '@xebec/config';
import type { Manifest, StoredObject } from './journal.ts';

/** Kept by the store, so never part of what somebody wrote. */
const serverFields = [
  'resourceVersion',
  'uid',
  'generation',
  'creationTimestamp',
  'managedFields',
  'selfLink',
] as const;

export const isMap = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The manifest of a valid object as the store keeps it. */
export function storableManifest(object: ConfigObject, keepsStatus: boolean): Manifest {
  const manifest: Record<string, unknown> = { ...object.manifest };
  const metadata: Record<string, unknown> = isMap(manifest['metadata']) ? { ...manifest['metadata'] } : {};
  for (const field of serverFields) delete metadata[field];
  if (object.metadata.namespace !== '') metadata['namespace'] = object.metadata.namespace;
  if (!keepsStatus) delete manifest['status'];
  return { ...manifest, metadata };
}

/** The manifest with the store's bookkeeping in the fields where clients of the Kubernetes API look for it. */
export function shownManifest(object: StoredObject): Manifest {
  const { manifest, resourceVersion, generation, uid, creationTimestamp } = object;
  const metadata = isMap(manifest['metadata']) ? manifest['metadata'] : {};
  return { ...manifest, metadata: { ...metadata, resourceVersion, generation, uid, creationTimestamp } };
}

/** `metadata.resourceVersion` as written: the version that somebody edited. */
export function writtenVersion(raw: RawObject): string | undefined {
  if (!isMap(raw.value) || !isMap(raw.value['metadata'])) return undefined;
  const version = raw.value['metadata']['resourceVersion'];
  return typeof version === 'string' && version !== '' ? version : undefined;
}
