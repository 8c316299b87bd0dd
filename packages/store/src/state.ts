// Everything a store holds; made once from what the journal recovered.
import type { Graph } from '@xebec/flow';
import { Catalog, type Entry } from './catalog.ts';
import type { CheckTogether } from './check-together.ts';
import { History } from './history.ts';
import { emptyContent, type Journal } from './journal.ts';
import { KindSources } from './kind-sources.ts';
import { recover } from './recover.ts';
import type { StoreObject, StoreOptions } from './types.ts';
import { WatchLog } from './watch-log.ts';

export interface State {
  readonly graph: Graph;
  readonly journal: Journal;
  readonly clock: () => number;
  readonly newUid: () => string;
  readonly historyLimit: number;
  readonly catalog: Catalog;
  readonly history: History;
  readonly log: WatchLog;
  readonly sources: KindSources;
  readonly checkTogether: CheckTogether | undefined;
  /** The revision at which the journal is made smaller next. */
  compactAt: number;
}

const defaultHistoryLimit = 1_000;
const defaultWatchLimit = 1_000;

export function createState(options: StoreOptions): State {
  const { graph, journal, clock, recovered = emptyContent } = options;
  const { historyLimit = defaultHistoryLimit, watchLimit = defaultWatchLimit } = options;
  const state: State = {
    ...{ graph, journal, clock, historyLimit },
    newUid: options.newUid ?? (() => crypto.randomUUID()),
    catalog: new Catalog(),
    history: new History(recovered.base.revision, historyLimit),
    log: new WatchLog(clock(), watchLimit),
    sources: new KindSources(graph),
    checkTogether: options.checkTogether,
    compactAt: recovered.base.revision + 2 * historyLimit,
  };
  recover(recovered, state.catalog, state.history);
  if (recovered.base.objects.length + recovered.revisions.length > 0) {
    graph.transact(() => {
      for (const { stored, object } of state.catalog.entries()) {
        if (object !== undefined) state.sources.set(stored.key, object);
      }
    });
  }
  return state;
}

/** An object as the store shows it. */
export const shownObject = ({ stored, object }: Entry): StoreObject =>
  object === undefined ? stored : { ...stored, object };
