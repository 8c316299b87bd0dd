// What can be asked about objects; reads the state and changes nothing.
import type { KindName, ObjectKey } from '@xebec/config';
import type { Origin } from '@xebec/std';
import { parseFieldPath } from './field-path.ts';
import type { Owner, Tombstone } from './journal.ts';
import { type State, shownObject } from './state.ts';
import type { ObjectStatus, StoreObject } from './types.ts';

export function getObject({ catalog }: State, key: ObjectKey): StoreObject | undefined {
  const entry = catalog.get(key);
  return entry === undefined ? undefined : shownObject(entry);
}

/** In key order. */
export function listObjects({ catalog }: State, kind?: KindName, namespace?: string): readonly StoreObject[] {
  return [...catalog.entries(kind)]
    .filter(({ stored }) => namespace === undefined || stored.key.split('/')[1] === namespace)
    .map(shownObject)
    .sort((left, right) => (left.key < right.key ? -1 : 1));
}

export function listOwned({ catalog }: State, owner: Owner): readonly (StoreObject | Tombstone)[] {
  const objects = [...catalog.entries()].filter(({ stored }) => stored.owner === owner).map(shownObject);
  return [...objects, ...[...catalog.tombstones.values()].filter((tombstone) => tombstone.owner === owner)];
}

export function statusOf({ catalog }: State, key: ObjectKey): ObjectStatus | undefined {
  const stored = catalog.get(key)?.stored;
  const verdict = catalog.verdicts.get(key);
  if (verdict !== undefined) {
    const lastGood = stored === undefined ? {} : { lastGood: stored.resourceVersion };
    return { accepted: false, diagnostics: verdict.diagnostics, ...lastGood };
  }
  if (stored === undefined) return undefined;
  return { accepted: true, generation: stored.generation, resourceVersion: stored.resourceVersion };
}

/** The place of an object, or of one of its fields, as exactly as it is known. */
export function locate(
  { catalog }: State,
  key: ObjectKey,
  path: readonly (string | number)[],
): Origin | undefined {
  const entry = catalog.get(key);
  if (entry === undefined) return undefined;
  const { place, stored } = entry;
  const origin =
    path.length === 0 ? (place?.origin ?? stored.origin) : (place?.locate(path) ?? stored.origin);
  const revision = stored.owner === 'runtime' ? {} : { revision: Number(stored.resourceVersion) };
  return { ...origin, object: key, ...revision };
}

/** As `locate`, with the field written as text; a text that is no path means the object. */
export const locateField = (state: State, key: ObjectKey, field = ''): Origin | undefined =>
  locate(state, key, parseFieldPath(field) ?? []);
