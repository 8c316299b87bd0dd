// Maps from user-written keys: no key, not even `__proto__` or `constructor`, reaches a prototype.

/**
 * Its prototype is an empty object without a prototype, so a look-up of a missing key is undefined and an
 * assignment makes an own property; unlike `Object.create(null)` the engine keeps such objects compact.
 */
class PlainMap {}
Reflect.deleteProperty(PlainMap.prototype, 'constructor');
Object.setPrototypeOf(PlainMap.prototype, null);
Object.freeze(PlainMap.prototype);

/** An empty map that is safe for any key. */
export const plainMap = <T>(): Record<string, T> => new PlainMap() as Record<string, T>;

/** A safe copy of the own entries of `from`. */
export function plainMapOf<T>(from: Readonly<Record<string, T>>): Record<string, T> {
  const map = plainMap<T>();
  for (const key of Object.keys(from)) {
    const value = from[key];
    if (value !== undefined) map[key] = value;
  }
  return map;
}

/** True for maps as YAML and JSON make them; false for lists, bytes and null. */
export const isMap = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !ArrayBuffer.isView(value);

/** One empty map for all objects that have none. */
export const emptyMap: Readonly<Record<string, never>> = Object.freeze(plainMap<never>());
