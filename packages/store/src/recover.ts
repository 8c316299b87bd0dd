// Rebuilds catalog and history from what the journal held; an object that is not valid any more is kept and reported.
import { type ObjectKey, rawObject } from '@xebec/config';
import { assert, type Diagnostic } from '@xebec/std';
import type { Catalog } from './catalog.ts';
import type { History, PastChange } from './history.ts';
import type { JournalContent, StoredObject, StoredRevision } from './journal.ts';
import { parseCandidate } from './reading.ts';

/** Fills an empty catalog and history. */
export function recover(content: JournalContent, catalog: Catalog, history: History): void {
  const objects = new Map(content.base.objects.map((object) => [object.key, object]));
  for (const tombstone of content.base.tombstones) catalog.tombstones.set(tombstone.key, tombstone);
  for (const revision of content.revisions) {
    assert(revision.number === history.latest + 1, 'a journal holds revisions without a gap');
    history.add({ ...revision, changes: replay(revision, objects, catalog) });
  }
  for (const stored of objects.values()) addRecovered(stored, catalog);
}

function replay(
  revision: StoredRevision,
  objects: Map<ObjectKey, StoredObject>,
  catalog: Catalog,
): readonly PastChange[] {
  return revision.changes.map((change) => {
    const before = objects.get(change.key);
    if (change.after === undefined) objects.delete(change.key);
    else objects.set(change.key, change.after);
    if (change.tombstone === undefined) catalog.tombstones.delete(change.key);
    else catalog.tombstones.set(change.key, change.tombstone);
    return before === undefined ? change : { ...change, before };
  });
}

function addRecovered(stored: StoredObject, catalog: Catalog): void {
  const { key, owner, origin } = stored;
  const raw = rawObject(stored.manifest, { ...origin, object: key });
  const parsed = parseCandidate({ key, raw }, 'default');
  catalog.set(key, parsed.ok ? { stored, object: parsed.object } : { stored });
  if (parsed.ok) return;
  const diagnostics = parsed.diagnostics.map(outdated);
  catalog.verdicts.set(key, { key, owner, origin, diagnostics });
}

const outdated = (diagnostic: Diagnostic): Diagnostic => ({
  ...diagnostic,
  message: `accepted by an earlier version, but not by this one: ${diagnostic.message}`,
});
