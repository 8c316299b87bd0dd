// Sets of strings that are mostly single: one member costs one reference, never a Set or an array.

/** A non-empty mutable set; the empty one is `undefined`. */
export type OneOrMany<T extends string> = T | Set<T>;

/** A non-empty frozen list without duplicates; the empty one is `undefined`. */
export type OneOrList<T extends string> = T | readonly T[];

/** The set with `item`; a Set given in is changed in place. */
export function withItem<T extends string>(set: OneOrMany<T> | undefined, item: T): OneOrMany<T> {
  if (set === undefined) return item;
  if (typeof set !== 'string') return set.add(item);
  return set === item ? set : new Set([set, item]);
}

/** The set without `item`, `undefined` when that was the last; a Set given in is changed in place. */
export function withoutItem<T extends string>(set: OneOrMany<T>, item: T): OneOrMany<T> | undefined {
  if (typeof set === 'string') return set === item ? undefined : set;
  set.delete(item);
  if (set.size > 1) return set;
  const [last] = set;
  return last;
}

export function forEachItem<T extends string>(
  items: OneOrMany<T> | OneOrList<T> | undefined,
  visit: (item: T) => void,
): void {
  if (items === undefined) return;
  if (typeof items === 'string') visit(items);
  else for (const item of items) visit(item);
}

export function isSameList<T extends string>(
  left: OneOrList<T> | undefined,
  right: OneOrList<T> | undefined,
): boolean {
  if (left === right) return true;
  if (left === undefined || right === undefined) return false;
  if (typeof left === 'string' || typeof right === 'string') return false;
  return left.length === right.length && left.every((item, position) => item === right[position]);
}
