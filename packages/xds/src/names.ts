// Sets of names as bitmaps over interned numbers: a stream that subscribes to a thousand names costs 125 bytes.

/** Gives names small numbers; numbers of names that no set holds are used again after `sweepNames`. */
export interface NameTable {
  readonly ids: Map<string, number>;
  readonly names: (string | undefined)[];
  readonly free: number[];
}

export interface NameSet {
  words: Uint32Array;
  size: number;
}

export const createNameTable = (): NameTable => ({ ids: new Map(), names: [], free: [] });

const noWords = new Uint32Array(0);
export const createNameSet = (): NameSet => ({ words: noWords, size: 0 });

function intern(table: NameTable, name: string): number {
  const known = table.ids.get(name);
  if (known !== undefined) return known;
  const id = table.free.pop() ?? table.names.length;
  table.ids.set(name, id);
  table.names[id] = name;
  return id;
}

function grow(set: NameSet, words: number): void {
  const wider = new Uint32Array(Math.max(words, Math.ceil(set.words.length * 1.25)));
  wider.set(set.words);
  set.words = wider;
}

/** True when the name was not in the set before. */
export function addName(table: NameTable, set: NameSet, name: string): boolean {
  const id = intern(table, name);
  const word = id >>> 5;
  if (word >= set.words.length) grow(set, word + 1);
  const before = set.words[word] ?? 0;
  const bit = 1 << (id & 31);
  if ((before & bit) !== 0) return false;
  set.words[word] = before | bit;
  set.size++;
  return true;
}

/** True when the name was in the set before. */
export function deleteName(table: NameTable, set: NameSet, name: string): boolean {
  if (!hasName(table, set, name)) return false;
  const id = table.ids.get(name) ?? 0;
  set.words[id >>> 5] = (set.words[id >>> 5] ?? 0) & ~(1 << (id & 31));
  set.size--;
  return true;
}

export function hasName(table: NameTable, set: NameSet, name: string): boolean {
  if (set.size === 0) return false;
  const id = table.ids.get(name);
  return id !== undefined && ((set.words[id >>> 5] ?? 0) & (1 << (id & 31))) !== 0;
}

/** The names in the set; it may grow meanwhile. */
export function* namesOf(table: NameTable, set: NameSet): IterableIterator<string> {
  for (let word = 0; word < set.words.length; word++) {
    let bits = set.words[word] ?? 0;
    while (bits !== 0) {
      const low = 31 - Math.clz32(bits & -bits);
      bits &= bits - 1;
      const name = table.names[word * 32 + low];
      if (name !== undefined) yield name;
    }
  }
}

/** Frees the numbers of names that none of `live` holds. */
export function sweepNames(table: NameTable, live: Iterable<NameSet>): void {
  const used = new Uint32Array(Math.ceil(table.names.length / 32));
  for (const { words } of live) {
    for (const [word, bits] of words.entries()) used[word] = (used[word] ?? 0) | bits;
  }
  for (const [name, id] of table.ids) {
    if (((used[id >>> 5] ?? 0) & (1 << (id & 31))) !== 0) continue;
    table.ids.delete(name);
    table.names[id] = undefined;
    table.free.push(id);
  }
}
