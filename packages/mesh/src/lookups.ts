// The two ways a transform reads, as its parts need them: by key and by anchor, never a scan.

export interface Lookup<K extends string, V> {
  get(key: K): V | undefined;
}

export interface AnchorLookup<A extends string, K extends string, V> {
  at(anchor: A): readonly (readonly [K, V])[];
  count(anchor: A): number;
}
