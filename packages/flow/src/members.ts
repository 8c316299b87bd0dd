// The members at one anchor: a list sorted by key, so that what is read does not depend on history.

export type Members<K extends string, V> = readonly [K, V][];

/** New pairs by key; `undefined` takes the member away. */
export type MemberPatch<K extends string, V> = ReadonlyMap<K, [K, V] | undefined>;

/** Up to this many changes are made one by one by binary search; more are merged in one pass. */
const fewChanges = 8;

/** Members as an index holds them. A list that somebody was handed is never changed again, but copied. */
export interface Held<K extends string, V> {
  list: [K, V][];
  isHandedOut: boolean;
}

/** How many members `patch` adds and takes away; the others it gives another value. */
export function countMoves<K extends string, V>(
  members: Members<K, V>,
  patch: MemberPatch<K, V>,
): { readonly added: number; readonly removed: number } {
  let [added, removed] = [0, 0];
  for (const [key, member] of patch) {
    const isMember = members[positionOf(members, key, 0)]?.[0] === key;
    if (isMember && member === undefined) removed += 1;
    if (!isMember && member !== undefined) added += 1;
  }
  return { added, removed };
}

export function patchMembers<K extends string, V>(held: Held<K, V>, patch: MemberPatch<K, V>): void {
  if (patch.size > fewChanges) held.list = merge(held.list, patch);
  else {
    if (held.isHandedOut) held.list = held.list.slice();
    splice(held.list, patch);
  }
  held.isHandedOut = false;
}

/** Position of the first member whose key is not less than `key`, looking from `start`. */
function positionOf<K extends string, V>(members: Members<K, V>, key: K, start: number): number {
  let low = start;
  let high = members.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const member = members[middle];
    if (member !== undefined && member[0] < key) low = middle + 1;
    else high = middle;
  }
  return low;
}

function splice<K extends string, V>(list: [K, V][], patch: MemberPatch<K, V>): void {
  for (const [key, member] of patch) {
    const position = positionOf(list, key, 0);
    const isMember = list[position]?.[0] === key;
    if (member === undefined) list.splice(position, isMember ? 1 : 0);
    else if (isMember) list[position] = member;
    else list.splice(position, 0, member);
  }
}

function merge<K extends string, V>(members: Members<K, V>, patch: MemberPatch<K, V>): [K, V][] {
  const merged: [K, V][] = [];
  let next = 0;
  for (const key of [...patch.keys()].sort()) {
    const position = positionOf(members, key, next);
    for (const kept of members.slice(next, position)) merged.push(kept);
    next = members[position]?.[0] === key ? position + 1 : position;
    const member = patch.get(key);
    if (member !== undefined) merged.push(member);
  }
  for (const kept of members.slice(next)) merged.push(kept);
  return merged;
}
