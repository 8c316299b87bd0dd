// Records of segments and snapshots. Checksums say that they are what was written; here only their kind is checked.
import type { JournalContent, StoredObject, StoredRevision, Tombstone } from '@xebec/store';
import { encodeFileHeader, encodeFrame } from './frame.ts';

const objectsPerRecord = 200;

interface Start {
  readonly kind: 'start';
  readonly revision: number;
  readonly tombstones: readonly Tombstone[];
}
interface Objects {
  readonly kind: 'objects';
  readonly objects: readonly StoredObject[];
}
interface Past {
  readonly kind: 'revision';
  readonly revision: StoredRevision;
}
interface End {
  readonly kind: 'end';
}
type SnapshotRecord = Start | Objects | Past | End;

/** The bytes of a snapshot file, piece by piece. */
export function* encodeSnapshot({ base, revisions }: JournalContent): Iterable<Buffer> {
  const encode = (record: SnapshotRecord) => encodeFrame(record);
  yield encodeFileHeader();
  yield encode({ kind: 'start', revision: base.revision, tombstones: base.tombstones });
  for (let from = 0; from < base.objects.length; from += objectsPerRecord) {
    yield encode({ kind: 'objects', objects: base.objects.slice(from, from + objectsPerRecord) });
  }
  for (const revision of revisions) yield encode({ kind: 'revision', revision });
  yield encode({ kind: 'end' });
}

/** The content of a snapshot, or undefined when records are missing. */
export function decodeSnapshot(values: readonly unknown[]): JournalContent | undefined {
  // Checksums guard the bytes, and only `encodeSnapshot` makes them.
  const records = values as readonly SnapshotRecord[];
  const [start] = records;
  if (start?.kind !== 'start' || records.at(-1)?.kind !== 'end') return undefined;
  const objects = records.flatMap((record) => (record.kind === 'objects' ? record.objects : []));
  const revisions = records.flatMap((record) => (record.kind === 'revision' ? [record.revision] : []));
  return { base: { revision: start.revision, objects, tombstones: start.tombstones }, revisions };
}

/** A revision out of a segment; undefined when it is something else. */
export function decodeRevision(value: unknown): StoredRevision | undefined {
  const isRevision =
    typeof value === 'object' &&
    value !== null &&
    'number' in value &&
    Number.isSafeInteger(value.number) &&
    'changes' in value &&
    Array.isArray(value.changes);
  return isRevision ? (value as unknown as StoredRevision) : undefined;
}

/** Number of the newest revision of some content. */
export const latestOf = ({ base, revisions }: JournalContent): number =>
  revisions.at(-1)?.number ?? base.revision;
