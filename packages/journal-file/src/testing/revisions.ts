// Revisions whose content follows from their number, so that a test can tell what must have been recovered.
import { createHash } from 'node:crypto';
import type { JournalContent, StoredObject, StoredRevision } from '@xebec/store';

/** The object that revision `number` leaves behind; sizes vary from a few bytes to some pages. */
export function objectOf(number: number): StoredObject {
  const name = `service-${number % 7}`;
  const filler = createHash('sha256')
    .update(String(number))
    .digest('hex')
    .repeat(number % 97);
  return {
    key: `Service/default/${name}`,
    manifest: { apiVersion: 'v1', kind: 'Service', metadata: { name, namespace: 'default' }, filler },
    resourceVersion: String(number),
    generation: number,
    uid: `uid-${number % 7}`,
    creationTimestamp: '2026-01-01T00:00:00.000Z',
    owner: 'api',
    author: 'test',
    origin: { file: 'test.yaml', line: number },
  };
}

export function revisionOf(number: number): StoredRevision {
  const after = objectOf(number);
  return {
    number,
    time: '2026-01-01T00:00:00.000Z',
    author: 'test',
    owner: 'api',
    message: `change ${number} – ü`,
    changes: [{ key: after.key, change: number <= 7 ? 'created' : 'configured', after }],
  };
}

export const revisionsUpTo = (latest: number, first = 1): readonly StoredRevision[] =>
  Array.from({ length: Math.max(0, latest - first + 1) }, (_, position) => revisionOf(first + position));

/** Content with the newest `kept` revisions and the state before them as its base. */
export function contentAt(latest: number, kept: number): JournalContent {
  const base = Math.max(0, latest - kept);
  const objects = new Map(revisionsUpTo(base).flatMap(({ changes }) => changes.map((c) => [c.key, c.after])));
  return {
    base: {
      revision: base,
      objects: [...objects.values()].flatMap((object) => object ?? []),
      tombstones: [],
    },
    revisions: revisionsUpTo(latest, base + 1),
  };
}
