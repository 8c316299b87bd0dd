// Many objects as many small meshes: each object is in one of them, and none has two of one name.
import { keyOf, type RawObject } from '../../../packages/config/src/index.ts';
import type { Accepted } from './judge.ts';

export type Group = readonly RawObject[];

/** Groups of about `size`; more of them where one name was made up more often. */
export function spread(objects: readonly Accepted[], size: number): readonly Group[] {
  const byKey = new Map<string, RawObject[]>();
  for (const { object, raw } of objects) byKey.set(keyOf(object), [...(byKey.get(keyOf(object)) ?? []), raw]);
  const most = Math.max(1, ...Array.from(byKey.values(), (same) => same.length));
  const groups = Array.from(
    { length: Math.max(most, Math.ceil(objects.length / size)) },
    (): RawObject[] => [],
  );
  let start = 0;
  for (const same of byKey.values()) {
    for (const [i, raw] of same.entries()) groups[(start + i) % groups.length]?.push(raw);
    start += same.length;
  }
  return groups;
}
