// QuotaPools among the objects: what is made of them, and problems of that told by the pool's own fields. Rule: a name that a user gave to a handler, instance or rule stays the user's.
import type { Vocabulary } from '../attributes/vocabulary.ts';
import { expandPools } from '../quotas/pools/expand-pools.ts';
import { checkPoolRequests } from '../quotas/requests/requested-quotas.ts';
import { collectFaults, type Faults } from './faults.ts';
import { ofKind } from './of-kind.ts';
import {
  type PolicyObject,
  type PolicyObjectKey,
  type PolicyObjectOf,
  type PolicyProblem,
  policyObjectKey,
} from './policy-object.ts';

export interface Pools {
  /** Made of pools and plans. */
  readonly objects: readonly PolicyObject[];
  /** Keys of objects that users wrote where a pool would make its own, by the pool's key. */
  readonly taken: ReadonlyMap<string, readonly string[]>;
  /** The problem, of the pool when the object was made of one. */
  tellOf(problem: PolicyProblem): PolicyProblem;
}

export function poolsAmong(written: readonly PolicyObject[]): Pools {
  const pools = ofKind(written, 'QuotaPool');
  const { objects, fields } = expandPools({ pools, plans: ofKind(written, 'QuotaPlan') });
  const keys = new Set<string>(objects.length === 0 ? [] : written.map(policyObjectKey));
  const taken = new Map<string, string[]>();
  const free = objects.filter((object) => {
    const key = policyObjectKey(object);
    if (!keys.has(key)) return true;
    const pool = fields.get(key)?.pool ?? '';
    taken.set(pool, [...(taken.get(pool) ?? []), key]);
    return false;
  });
  return {
    objects: free,
    taken,
    tellOf: (problem) => {
      const made = keys.has(problem.object) ? undefined : fields.get(problem.object);
      if (made === undefined) return problem;
      const field = made.field(problem.diagnostic.field ?? '');
      return { object: made.pool as PolicyObjectKey, diagnostic: { ...problem.diagnostic, field } };
    },
  };
}

export function checkPool(
  object: PolicyObjectOf<'QuotaPool'>,
  { pools, vocabulary }: { readonly pools: Pools; readonly vocabulary: Vocabulary },
): Faults {
  const faults = collectFaults(object.origin);
  faults.adopt([], checkPoolRequests(object.spec, vocabulary));
  for (const key of pools.taken.get(`QuotaPool/${object.namespace}/${object.name}`) ?? []) {
    const message = `there is ${key} already, and the pool needs the name`;
    faults.add(['metadata', 'name'], { code: 'name-taken', message, remedy: 'give the pool another name' });
  }
  return faults;
}
