// The first few of many names in their order, without sorting all of them.

/** Ascending by UTF-16 units. */
export function firstByName<T>(items: Iterable<T>, most: number, nameOf: (item: T) => string): readonly T[] {
  const byName = (a: T, b: T): number => (nameOf(a) < nameOf(b) ? -1 : 1);
  let kept: T[] = [];
  let last: string | undefined;
  for (const item of items) {
    if (last !== undefined && nameOf(item) >= last) continue;
    kept.push(item);
    if (kept.length < 2 * most) continue;
    kept = kept.sort(byName).slice(0, most);
    const end = kept.at(-1);
    last = end === undefined ? '' : nameOf(end);
  }
  return kept.sort(byName).slice(0, most);
}
