// What the cross-object checks may ask about the set of objects; the store implements it.
import type { Origin } from '@xebec/std';
import type { KindName, ObjectOf } from '../kinds/kind-map.ts';
import type { ObjectKey } from '../types.ts';

/** What `analyze` may ask about the set of objects. */
export interface ObjectLookup {
  list<K extends KindName>(kind: K): Iterable<ObjectOf<K>>;
  /** Position of a field, when known. */
  locate?(key: ObjectKey, path: readonly (string | number)[]): Origin | undefined;
}
