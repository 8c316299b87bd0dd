// Which proxies a Sidecar holds for, now and when it changed: nothing that is sent names it as a cause, as it only takes away.
import type { Collection, Graph } from '@xebec/flow';
import type { Scope } from '@xebec/model';

/** Proxy id → the epoch in which its scope changed last; 0: before those that are remembered. */
export type Holders = ReadonlyMap<string, number>;

export interface ScopeHolders extends Disposable {
  /** Whose scope an object changed in an epoch: gave, took away, or made another. */
  at(object: string, epoch: number): Holders;
  now(object: string): Holders;
}

const none: Holders = new Map();

/** Epochs in which no scope changed cost nothing. */
export function watchScopes(
  graph: Graph,
  scopes: Collection<string, Scope>,
  rememberedEpochs: number,
): ScopeHolders {
  const byObject = graph.index(scopes, 'byObject', ({ object }): readonly string[] => [object]);
  const changed = new Map<number, ReadonlyMap<string, Set<string>>>();
  const latest = new Map<string, number>();
  const watch = graph.watch(scopes, ({ epoch, changes }) => {
    const objects = new Map<string, Set<string>>();
    for (const [proxy, { before, after }] of changes) {
      for (const { object } of [before, after].filter((scope) => scope !== undefined))
        objects.set(object, (objects.get(object) ?? new Set()).add(proxy));
      if (after === undefined) latest.delete(proxy);
      else latest.set(proxy, epoch);
    }
    changed.set(epoch, objects);
    for (const old of changed.keys()) {
      if (old >= epoch - rememberedEpochs) break;
      changed.delete(old);
    }
  });
  return {
    at(object, epoch) {
      const proxies = changed.get(epoch)?.get(object);
      return proxies === undefined ? none : new Map([...proxies].map((proxy) => [proxy, epoch]));
    },
    now: (object) =>
      object.startsWith('Sidecar/')
        ? new Map([...byObject.at(object)].map(([proxy]) => [proxy, latest.get(proxy) ?? 0]))
        : none,
    [Symbol.dispose]: () => watch[Symbol.dispose](),
  };
}
