// Checks between objects before a change is taken: what is wrong with an object only beside others refuses it like anything else.
import type { AnyObject, KindName, ObjectKey, ObjectOf } from '@xebec/config';
import type { Diagnostic } from '@xebec/std';
import type { Catalog } from './catalog.ts';
import { parseFieldPath } from './field-path.ts';
import type { Draft, Plan } from './plan.ts';
import type { Refusal } from './types.ts';

/** The objects as they would be. */
export interface ObjectsToBe {
  /** What the change creates or configures. */
  readonly changed: ReadonlyMap<ObjectKey, AnyObject>;
  list<K extends KindName>(kind: K): readonly ObjectOf<K>[];
}

/** What is wrong, by object; only objects of the change are refused for it. Places are found by `field`. */
export type CheckTogether = (
  objects: ObjectsToBe,
) => Iterable<{ readonly key: ObjectKey; readonly diagnostic: Diagnostic }>;

/** Without what was refused others may be wrong in turn: it is asked again until nobody is. */
export function refuseTogether(plan: Plan, check: CheckTogether | undefined, catalog: Catalog): Plan {
  if (check === undefined) return plan;
  let { drafts, refused } = plan;
  for (;;) {
    const found = problemsOf(drafts, check, catalog);
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
  catalog: Catalog,
): ReadonlyMap<ObjectKey, readonly Diagnostic[]> {
  const changed = new Map<ObjectKey, AnyObject>();
  for (const draft of drafts)
    if (isEffective(draft) && draft.after?.object !== undefined) changed.set(draft.key, draft.after.object);
  const found = new Map<ObjectKey, Diagnostic[]>();
  if (changed.size === 0) return found;
  for (const { key, diagnostic } of check({ changed, list: listAfter(drafts, catalog) })) {
    if (!changed.has(key)) continue;
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
