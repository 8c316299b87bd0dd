// Checks between objects before a change is taken: what is wrong with an object only beside others refuses it like anything else.
import type { AnyObject, KindName, ObjectKey, ObjectOf } from '@xebec/config';
import type { Diagnostic } from '@xebec/std';
import type { Catalog } from './catalog.ts';
import { parseFieldPath } from './field-path.ts';
import type { Draft, Plan } from './plan.ts';
import type { ChangeRequest, Refusal } from './types.ts';

/** The objects as they would be. */
export interface ObjectsToBe {
  /** What the change creates or configures. */
  readonly changed: ReadonlyMap<ObjectKey, AnyObject>;
  /** What the change deletes, as it was. Empty where deleting is not asked for but told: what a source has no more is gone. */
  readonly removed: ReadonlyMap<ObjectKey, AnyObject>;
  /** An object of the change as it was before it; undefined: there was none. */
  before(key: ObjectKey): AnyObject | undefined;
  list<K extends KindName>(kind: K): readonly ObjectOf<K>[];
}

/** What is wrong, by object; only objects of the change are refused for it. Places are found by `field`. */
export type CheckTogether = (
  objects: ObjectsToBe,
) => Iterable<{ readonly key: ObjectKey; readonly diagnostic: Diagnostic }>;

/** Without what was refused others may be wrong in turn: it is asked again until nobody is. */
export function refuseTogether(
  plan: Plan,
  check: CheckTogether | undefined,
  { catalog, mode }: { readonly catalog: Catalog; readonly mode: ChangeRequest['mode'] },
): Plan {
  if (check === undefined) return plan;
  let { drafts, refused } = plan;
  for (;;) {
    const found = problemsOf(drafts, check, { catalog, mode });
    if (found.size === 0) return { ...plan, drafts, refused };
    refused = [...refused, ...drafts.flatMap((draft) => refusalOf(draft, found.get(draft.key)))];
    drafts = drafts.filter(({ key }) => !found.has(key));
  }
}

const isEffective = ({ change, after }: Draft): boolean =>
  after?.object !== undefined && (change === 'created' || change === 'configured');

function problemsOf(
  drafts: readonly Draft[],
  check: CheckTogether,
  { catalog, mode }: { readonly catalog: Catalog; readonly mode: ChangeRequest['mode'] },
): ReadonlyMap<ObjectKey, readonly Diagnostic[]> {
  const changed = new Map<ObjectKey, AnyObject>();
  const removed = new Map<ObjectKey, AnyObject>();
  const before = new Map(drafts.map((draft) => [draft.key, draft.before?.object]));
  for (const draft of drafts) {
    if (isEffective(draft) && draft.after?.object !== undefined) changed.set(draft.key, draft.after.object);
    const gone = draft.change === 'deleted' && mode === 'all-or-nothing' ? draft.before?.object : undefined;
    if (gone !== undefined) removed.set(draft.key, gone);
  }
  const found = new Map<ObjectKey, Diagnostic[]>();
  if (changed.size + removed.size === 0) return found;
  const toBe = {
    changed,
    removed,
    before: (key: ObjectKey) => before.get(key),
    list: listAfter(drafts, catalog),
  };
  for (const { key, diagnostic } of check(toBe)) {
    if (!changed.has(key) && !removed.has(key)) continue;
    found.set(key, [...(found.get(key) ?? []), diagnostic]);
  }
  return found;
}

function listAfter(drafts: readonly Draft[], catalog: Catalog): ObjectsToBe['list'] {
  const byKey = new Map(drafts.map((draft) => [draft.key, draft]));
  return <K extends KindName>(kind: K) => {
    const objects: AnyObject[] = [];
    for (const { stored, object } of catalog.entries(kind))
      if (object !== undefined && !byKey.has(stored.key)) objects.push(object);
    for (const { after } of byKey.values()) if (after?.object?.kind === kind) objects.push(after.object);
    // The catalog keeps objects by their kind.
    return objects as unknown as readonly ObjectOf<K>[];
  };
}

function refusalOf({ key, origin, after }: Draft, problems: readonly Diagnostic[] | undefined): Refusal[] {
  if (problems === undefined) return [];
  const diagnostics = problems.map((problem): Diagnostic => {
    const path = problem.field === undefined ? undefined : parseFieldPath(problem.field);
    const place = path === undefined ? undefined : after?.place?.locate(path);
    return { ...problem, origin: { ...(place ?? origin), object: key } };
  });
  return [{ key, origin, diagnostics }];
}
