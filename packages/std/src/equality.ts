// Structural equality and stable text of plain readonly data.

/** True when two plain values (JSON-like data, Maps and Sets of it, Uint8Array) have the same structure. */
export function deepEqual(left: unknown, right: unknown): boolean {
  if (Object.is(left, right)) return true;
  if (typeof left !== 'object' || typeof right !== 'object' || left === null || right === null) return false;
  if (Array.isArray(left)) return Array.isArray(right) && equalArrays(left, right);
  if (Array.isArray(right)) return false;
  if (left instanceof Uint8Array) return right instanceof Uint8Array && equalArrays(left, right);
  if (left instanceof Map) return right instanceof Map && equalMaps(left, right);
  if (left instanceof Set) return right instanceof Set && equalSets(left, right);
  return equalRecords(left, right);
}

function equalArrays(left: ArrayLike<unknown>, right: ArrayLike<unknown>): boolean {
  if (left.length !== right.length) return false;
  for (let i = 0; i < left.length; i++) if (!deepEqual(left[i], right[i])) return false;
  return true;
}

function equalMaps(left: ReadonlyMap<unknown, unknown>, right: ReadonlyMap<unknown, unknown>): boolean {
  if (left.size !== right.size) return false;
  for (const [key, value] of left) if (!right.has(key) || !deepEqual(value, right.get(key))) return false;
  return true;
}

function equalSets(left: ReadonlySet<unknown>, right: ReadonlySet<unknown>): boolean {
  if (left.size !== right.size) return false;
  for (const value of left) if (!right.has(value)) return false;
  return true;
}

function equalRecords(left: object, right: object): boolean {
  const keys = Object.keys(left);
  if (keys.length !== Object.keys(right).length) return false;
  for (const key of keys) {
    if (!Object.hasOwn(right, key)) return false;
    if (!deepEqual(Reflect.get(left, key), Reflect.get(right, key))) return false;
  }
  return true;
}

/** JSON with sorted keys: equal data gives equal text. */
export function stableStringify(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) => {
    if (typeof inner !== 'object' || inner === null || Array.isArray(inner)) return inner;
    return Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)));
  });
}
