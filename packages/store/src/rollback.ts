// Goes back to an earlier state by a new revision; what sources own now stays theirs.
import { type ObjectKey, rawObject } from '@xebec/config';
import { type Diagnostic, deepEqual } from '@xebec/std';
import type { StoredObject } from './journal.ts';
import { type Plan, type PlanContext, planChange } from './plan.ts';

/** Plans the change from the present objects to `target`. */
export function planRollback(
  target: ReadonlyMap<ObjectKey, StoredObject>,
  context: Omit<PlanContext, 'request'> & { readonly author: string },
): Plan {
  const present = context.catalog.persisted();
  const changed = [...target.values()].filter(
    ({ key, manifest }) => !deepEqual(present.get(key)?.manifest, manifest),
  );
  const deletes = [...present.keys()].filter((key) => !target.has(key));
  const upserts = changed.map(({ key, manifest, origin }) => rawObject(manifest, { ...origin, object: key }));
  return planChange({
    ...context,
    request: { upserts, deletes, author: context.author, owner: 'api', mode: 'all-or-nothing' },
  });
}

/** Names what cannot be restored. */
export const unknownRevision = (number: number, oldest: number, latest: number): Diagnostic => ({
  severity: 'error',
  code: 'unknown-revision',
  message: `revision ${number} is not known; the history holds ${oldest} to ${latest}`,
  remedy: 'choose a revision that `history` shows',
});
