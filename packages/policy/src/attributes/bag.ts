// Bags to look attributes up in: one that only looks, and one that remembers what was asked. Rule: a name of a bag is a key of a map, never of an object, so `__proto__` is a name like any other.
import type { AttributeBag, AttributeReference, AttributeSource, AttributeValue } from './value.ts';

/** Looks in a bag, and remembers nothing. */
export const sourceOf = (bag: AttributeBag): AttributeSource => ({
  get: (name) => bag.get(name),
  hasMap: (name) => bag.get(name) instanceof Map,
  getKey: (name, key) => {
    const map = bag.get(name);
    return map instanceof Map ? map.get(key) : undefined;
  },
});

/** Looks in a bag, and remembers everything that it was asked. */
export class RecordingSource implements AttributeSource {
  readonly #bag: AttributeBag;
  /** Whether it was there. */
  readonly #asked = new Map<string, boolean>();
  /** Of those asked, the ones whose whole value was given. */
  readonly #whole = new Set<string>();
  readonly #keys = new Map<string, Map<string, boolean>>();

  constructor(bag: AttributeBag) {
    this.#bag = bag;
  }

  get(name: string): AttributeValue | undefined {
    const value = this.#bag.get(name);
    this.#asked.set(name, value !== undefined);
    this.#whole.add(name);
    return value;
  }

  hasMap(name: string): boolean {
    const isThere = this.#bag.get(name) instanceof Map;
    if (!this.#asked.has(name)) this.#asked.set(name, isThere);
    return isThere;
  }

  getKey(name: string, key: string): string | undefined {
    if (!this.hasMap(name)) return undefined;
    const map = this.#bag.get(name);
    const value: string | undefined = map instanceof Map ? map.get(key) : undefined;
    let keys = this.#keys.get(name);
    if (keys === undefined) {
      keys = new Map();
      this.#keys.set(name, keys);
    }
    keys.set(key, value !== undefined);
    return value;
  }

  /** Another bag that agrees on all of these gets the same answers. */
  references(): readonly AttributeReference[] {
    const references: AttributeReference[] = [];
    for (const [name, isPresent] of this.#asked) {
      const keys = this.#keys.get(name);
      if (this.#whole.has(name) || keys === undefined) references.push({ name, isPresent });
      for (const [key, isKeyPresent] of keys ?? []) references.push({ name, key, isPresent: isKeyPresent });
    }
    return references;
  }
}

/** As people read them: `name`, `map[key]`, and a `-` before what was asked for and absent; sorted. */
export function formatReferences(references: readonly AttributeReference[]): readonly string[] {
  const lines = new Set<string>();
  for (const { name, key, isPresent } of references) {
    if (key !== undefined) lines.add(name);
    const what = key === undefined ? name : `${name}[${key}]`;
    lines.add(isPresent ? what : `-${what}`);
  }
  return [...lines].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
}
