// The members at one anchor: an immutable list sorted by key, so that what is read does not depend on history.

export type Members<K extends string, V> = readonly [K, V][];

/** New pairs by key; `undefined` takes the member away. */
export type MemberPatch<K extends string, V> = ReadonlyMap<K, [K, V] | undefined>;

/** Up to this many changes are made by binary search in a copy; more are merged in one pass. */
const fewChanges = 8;

/** The members after `patch`; the list given in stays as it is, since transforms may hold it. */
export function patchMembers<K extends string, V>(
  members: Members<K, V>,
  patch: MemberPatch<K, V>,
): Members<K, V> {
  return patch.size <= fewChanges ? splice(members, patch) : merge(members, patch);
}

/** Whether a member comes or goes, rather than only getting another value. */
export function changesMembership<K extends string, V>(
  members: Members<K, V>,
  patch: MemberPatch<K, V>,
): boolean {
  for (const [key, member] of patch) {
    const isMember = members[positionOf(members, key, 0)]?.[0] === key;
    if (isMember !== (member !== undefined)) return true;
  }
  return false;
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

function splice<K extends string, V>(members: Members<K, V>, patch: MemberPatch<K, V>): Members<K, V> {
  const copy = members.slice();
  for (const [key, member] of patch) {
    const position = positionOf(copy, key, 0);
    const removed = copy[position]?.[0] === key ? 1 : 0;
    if (member === undefined) copy.splice(position, removed);
    else if (removed === 1) copy[position] = member;
    else copy.splice(position, 0, member);
  }
  return copy;
}

function merge<K extends string, V>(members: Members<K, V>, patch: MemberPatch<K, V>): Members<K, V> {
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
