// One declared read of a transform: the reader it is handed, and the tracking that reruns it when the read changes.
import { indexOf } from './keyed-index.ts';
import type { Lifecycle } from './lifecycle.ts';
import { Links, ReadLog } from './links.ts';
import type { Arrow } from './node.ts';
import { forEachItem, type OneOrMany } from './one-or-many.ts';
import { type Input, tableOf } from './table.ts';
import type { Collection, Index, Readable } from './types.ts';

/** Where a run records its reads, and whose keys are pending when one of them changes. */
export interface Tracker<T extends string> {
  readonly lifecycle: Lifecycle;
  /** Throws unless a run is going on: a reader kept after the run would read untracked. */
  assertRunning(): void;
  markPending(keys: OneOrMany<T> | undefined): void;
}

export interface ReadSlot<T extends string> {
  readonly rank: number;
  readonly arrow: Arrow;
  /** The value of the transform's `read.NAME`. */
  readonly reader: object;
  /** Makes what was read since the last call the reads of `key`. */
  keep(key: T): void;
  forget(key: T): void;
  inputsOf(key: T): readonly Input[];
}

export function openReadSlot<T extends string>(of: Readable, tracker: Tracker<T>): ReadSlot<T> {
  return of.kind === 'index' ? openIndexSlot(of, tracker) : openCollectionSlot(of, tracker);
}

function openCollectionSlot<T extends string>(
  of: Collection<string, unknown>,
  tracker: Tracker<T>,
): ReadSlot<T> {
  const table = tableOf(of, tracker.lifecycle);
  const links = new Links<T>();
  const log = new ReadLog();
  table.subscribe((changes) => {
    for (const key of changes.keys()) tracker.markPending(links.readersOf(key));
  });
  const get = (key: string) => {
    tracker.assertRunning();
    log.record(key);
    return table.peek(key);
  };
  return {
    rank: table.rank,
    arrow: { from: table.name, role: 'read' },
    reader: { get },
    keep: (key) => links.track(key, log.take()),
    forget: (key) => links.track(key, undefined),
    inputsOf: (key) => listInputs(links, key, { collection: table.name, role: 'read' }),
  };
}

/** Members and counts are tracked apart, so that who only counts reruns only for another count. */
function openIndexSlot<T extends string>(
  of: Index<string, string, unknown>,
  tracker: Tracker<T>,
): ReadSlot<T> {
  const index = indexOf(of, tracker.lifecycle);
  const [memberLinks, countLinks] = [new Links<T>(), new Links<T>()];
  const [memberLog, countLog] = [new ReadLog(), new ReadLog()];
  index.subscribe((anchor, change) => {
    tracker.markPending(memberLinks.readersOf(anchor));
    if (change === 'count') tracker.markPending(countLinks.readersOf(anchor));
  });
  const note = (log: ReadLog, anchor: string) => {
    tracker.assertRunning();
    log.record(anchor);
  };
  return {
    rank: index.rank,
    arrow: { from: index.of.name, role: 'read', via: index.name },
    reader: {
      at: (anchor: string) => {
        note(memberLog, anchor);
        return index.members(anchor);
      },
      count: (anchor: string) => {
        note(countLog, anchor);
        return index.peek(anchor).length;
      },
    },
    keep: (key) => {
      memberLinks.track(key, memberLog.take());
      countLinks.track(key, countLog.take());
    },
    forget: (key) => {
      memberLinks.track(key, undefined);
      countLinks.track(key, undefined);
    },
    inputsOf: (key) =>
      [memberLinks, countLinks].flatMap((links) =>
        listInputs(links, key, { collection: index.label, role: 'index' }),
      ),
  };
}

function listInputs<T extends string>(links: Links<T>, reader: T, of: Omit<Input, 'key'>): readonly Input[] {
  const inputs: Input[] = [];
  forEachItem(links.keysReadBy(reader), (key) => inputs.push({ ...of, key }));
  return inputs;
}
