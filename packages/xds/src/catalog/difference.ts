// What a stack of layers shows differently from an epoch before. The rule: a change under a more specific layer is no change.
import type { EncodedResource, LayerUse, TypeUrl } from '../types.ts';
import { firstAfter, type LayerLog } from './layer-log.ts';
import { isShown, type LayerStack } from './layers.ts';

/** Encoded once by whoever sends it first, then shared; parts are sent one after the other. */
interface SharedEncoding {
  delta?: readonly SharedPart[];
  state?: Buffer;
}

export interface SharedPart {
  readonly body: Buffer;
  readonly resources: readonly EncodedResource[];
}

export interface Difference {
  readonly upserts: readonly EncodedResource[];
  /** Names that were absent before. */
  readonly adds: ReadonlySet<string> | 'all';
  readonly removed: readonly string[];
  /** Names that the stack hides from less specific ones. */
  readonly hidden: readonly string[];
  readonly encoding: SharedEncoding;
}

export const noDifference: Difference = {
  upserts: [],
  adds: new Set(),
  removed: [],
  hidden: [],
  encoding: {},
};

type Needs = ReadonlyMap<TypeUrl, ReadonlySet<string>>;
const needsMade = new WeakMap<Difference, Needs>();

/** The names that the upserts need, by type, each once; made for the first stream that asks. */
export function needsOf(difference: Difference): Needs {
  const known = needsMade.get(difference);
  if (known !== undefined) return known;
  const made = new Map<TypeUrl, Set<string>>();
  for (const { needs } of difference.upserts) {
    for (const { typeUrl, name } of needs) {
      const names = made.get(typeUrl) ?? new Set();
      made.set(typeUrl, names.add(name));
    }
  }
  needsMade.set(difference, made);
  return made;
}

/** What comparisons need of a catalog. */
export interface LayerReader {
  at(layer: string, name: string): EncodedResource | undefined;
  members(use: LayerUse): IterableIterator<[string, EncodedResource]>;
  log(layer: string): LayerLog | undefined;
}

/** Every resource the stack shows, each name once. */
export function everythingOf(reader: LayerReader, stack: LayerStack): Difference {
  const upserts: EncodedResource[] = [];
  const seen = new Set<string>();
  const hidden: string[] = [];
  stack.layers.forEach((use, i) => {
    const isLast = i === stack.layers.length - 1;
    for (const [, resource] of reader.members(use)) {
      if (seen.has(resource.name)) continue;
      if (!isLast) seen.add(resource.name);
      if (resource.isAbsent === true) hidden.push(resource.name);
      else upserts.push(resource);
    }
  });
  return { upserts, adds: 'all', removed: [], hidden, encoding: {} };
}

/** Per name: for each layer where it changed, whether the layer had it before. */
type Touched = Map<string, Map<number, boolean>>;

function collectTouched(
  reader: LayerReader,
  layers: readonly LayerUse[],
  epoch: number,
): Touched | undefined {
  const touched: Touched = new Map();
  for (const [i, { layer }] of layers.entries()) {
    const log = reader.log(layer);
    if (log === undefined) continue;
    if (epoch < log.floor) return undefined;
    for (let at = firstAfter(log, epoch); at < log.entries.length; at++) {
      const entry = log.entries[at];
      if (entry === undefined) continue;
      const byLayer = touched.get(entry.name) ?? new Map<number, boolean>();
      if (!byLayer.has(i)) byLayer.set(i, entry.wasPresent);
      touched.set(entry.name, byLayer);
    }
  }
  return touched;
}

interface Comparison {
  readonly after: EncodedResource | undefined;
  readonly wasPresent: boolean;
  readonly isHidden: boolean;
}

function compare(
  reader: LayerReader,
  layers: readonly LayerUse[],
  name: string,
  changed: Map<number, boolean>,
) {
  let found: EncodedResource | undefined;
  let wasPresent = false;
  let isHidden = false;
  let isChangeSeen = false;
  for (const [i, use] of layers.entries()) {
    const now = reader.at(use.layer, name);
    if (now !== undefined && !isShown(use, now)) continue;
    const before = changed.get(i);
    if (before !== undefined) isChangeSeen = true;
    wasPresent ||= before ?? now !== undefined;
    if (now !== undefined && found === undefined) {
      found = now;
      isHidden = !isChangeSeen;
    }
  }
  const after = found?.isAbsent === true ? undefined : found;
  return { after, wasPresent, isHidden } satisfies Comparison;
}

/** What changed after an epoch, or undefined when a log does not reach back that far. */
export function differenceSince(
  reader: LayerReader,
  stack: LayerStack,
  epoch: number,
): Difference | undefined {
  const touched = collectTouched(reader, stack.layers, epoch);
  if (touched === undefined) return undefined;
  if (touched.size === 0) return noDifference;
  const upserts: EncodedResource[] = [];
  const adds = new Set<string>();
  const removed: string[] = [];
  for (const [name, changed] of touched) {
    const { after, wasPresent, isHidden } = compare(reader, stack.layers, name, changed);
    if (isHidden) continue;
    if (after === undefined) {
      if (wasPresent) removed.push(name);
      continue;
    }
    upserts.push(after);
    if (!wasPresent) adds.add(name);
  }
  return { upserts, adds, removed, hidden: [], encoding: {} };
}
