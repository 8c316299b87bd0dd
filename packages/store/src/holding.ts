// Objects that turned out to be unusable after they were taken: an earlier value stands in the graph until somebody writes another. Journal and catalog keep what was written.
import { type AnyObject, type ObjectKey, rawObject } from '@xebec/config';
import { isSameObject } from './kind-sources.ts';
import { parseCandidate } from './reading.ts';
import type { State } from './state.ts';
import type { PastValue } from './types.ts';

/** Different values of an object before the present one, newest first, as far as they are remembered and still valid. */
export function pastValues({ catalog, history }: State, key: ObjectKey, limit: number): readonly PastValue[] {
  const present = catalog.get(key)?.object;
  const found: PastValue[] = [];
  for (const { changes } of [...history.all()].reverse()) {
    const before = changes.find((change) => change.key === key)?.before;
    if (before === undefined) continue;
    const raw = rawObject(before.manifest, { ...before.origin, object: key });
    const parsed = parseCandidate({ key, raw }, 'default');
    if (!parsed.ok || isKnown(parsed.object, [present, ...found.map(({ object }) => object)])) continue;
    found.push({ object: parsed.object, resourceVersion: before.resourceVersion });
    if (found.length === limit) break;
  }
  return found;
}

const isKnown = (object: AnyObject, known: readonly (AnyObject | undefined)[]): boolean =>
  known.some((each) => each !== undefined && isSameObject(each, object));

/** Puts an earlier value in force, or none. Writing the object ends it. False when there is no such object. */
export function holdAt(
  { catalog, graph, sources }: State,
  key: ObjectKey,
  value: PastValue | 'absent',
): boolean {
  const written = catalog.get(key)?.object;
  if (written === undefined) return false;
  graph.transact(() => {
    if (value === 'absent') sources.delete(key, written);
    else sources.set(key, value.object);
  });
  return true;
}

/** Puts what was written in force again. */
export function releaseHeld({ catalog, graph, sources }: State, key: ObjectKey): void {
  const written = catalog.get(key)?.object;
  if (written !== undefined) graph.transact(() => sources.set(key, written));
}
