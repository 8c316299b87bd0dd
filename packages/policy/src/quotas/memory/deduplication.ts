// What was granted under which id, for as long as the same id may come again. Bounded: beyond, the oldest are forgotten first, and counted.

export interface RememberedGrant {
  readonly granted: bigint;
  readonly endsMs: number;
}

export interface Deduplication {
  readonly size: number;
  /** How many were forgotten before their time. */
  readonly forgottenEarly: number;
  get(key: string, nowMs: number): RememberedGrant | undefined;
  put(key: string, grant: RememberedGrant, nowMs: number): void;
  delete(key: string): void;
  entries(): Iterable<[string, RememberedGrant]>;
}

export function createDeduplication(mostIds: number): Deduplication {
  const grants = new Map<string, RememberedGrant>();
  let forgottenEarly = 0;
  const dropOldest = (nowMs: number): void => {
    // Two for each that comes: ids that have ended never pile up, however differently long they last.
    for (const [key, { endsMs }] of [...firstOf(grants, 2)]) {
      const isOver = endsMs <= nowMs;
      if (!isOver && grants.size <= mostIds) continue;
      grants.delete(key);
      if (!isOver) forgottenEarly += 1;
    }
  };
  return {
    get size() {
      return grants.size;
    },
    get forgottenEarly() {
      return forgottenEarly;
    },
    get(key, nowMs) {
      const grant = grants.get(key);
      return grant !== undefined && grant.endsMs > nowMs ? grant : undefined;
    },
    put(key, grant, nowMs) {
      grants.delete(key);
      grants.set(key, grant);
      dropOldest(nowMs);
    },
    delete: (key) => void grants.delete(key),
    entries: () => grants.entries(),
  };
}

function* firstOf<K, V>(map: ReadonlyMap<K, V>, most: number): Iterable<[K, V]> {
  let left = most;
  for (const entry of map) {
    if (left-- === 0) return;
    yield entry;
  }
}
