// EnvoyFilters whose patches depend on an order that nobody wrote down.
import type { ConfigPatch, ObjectOf, PatchOperation } from '@xebec/config';
import type { Conflict } from '../conflict.ts';
import { objectOf, problemAt, type Scene } from './scene.ts';

type EnvoyFilter = ObjectOf<'EnvoyFilter'>;

const relative: ReadonlySet<PatchOperation> = new Set(['INSERT_BEFORE', 'INSERT_AFTER', 'REMOVE', 'REPLACE']);

/** Told where another filter of the same priority adds or removes what the patch is relative to. */
export function* checkEnvoyFilters({ objects }: Scene): Generator<Conflict> {
  const movers = new Map<string, EnvoyFilter[]>();
  for (const object of objects.list('EnvoyFilter')) {
    for (const patch of object.spec.patches) {
      for (const name of movedBy(patch)) movers.set(name, [...(movers.get(name) ?? []), object]);
    }
  }
  for (const object of objects.list('EnvoyFilter')) {
    for (const [position, patch] of object.spec.patches.entries()) {
      const anchor = anchorOf(patch);
      if (anchor === undefined || !relative.has(patch.operation)) continue;
      const other = (movers.get(anchor) ?? []).find(
        (each) => objectOf(each) !== objectOf(object) && each.spec.priority === object.spec.priority,
      );
      if (other === undefined) continue;
      yield problemAt(object, `spec.configPatches[${position}].patch.operation`, {
        code: 'patch-order-open',
        message: `${patch.operation} is relative to ${anchor}, which ${objectOf(other)} adds or removes at the same priority: names decide which comes first`,
        remedy: 'write spec.priority in one of them',
      });
    }
  }
}

/** The name of the filter that a patch is placed by. */
function anchorOf({ match }: ConfigPatch): string | undefined {
  const chain = match.listener?.filterChain;
  return chain?.subFilter ?? chain?.filter ?? match.listener?.listenerFilter;
}

/** Names of filters that come or go with a patch. */
function movedBy(patch: ConfigPatch): readonly string[] {
  if (patch.operation === 'MERGE') return [];
  const name = patch.value?.['name'];
  const anchor = anchorOf(patch);
  const removed =
    (patch.operation === 'REMOVE' || patch.operation === 'REPLACE') && anchor !== undefined ? [anchor] : [];
  return [...(typeof name === 'string' ? [name] : []), ...removed];
}
