// What policy services are told, by key: objects of their kinds, the secrets that these name, and the workloads of the mesh. It exists only while somebody follows, so that a mesh without policy services pays nothing.
import type { Graph } from '@xebec/flow';
import type { MeshCollections } from '@xebec/mesh';
import { encodeItem } from '@xebec/policy';
import type { Store } from '@xebec/store';
import { followSecrets } from './known-secrets.ts';
import { followWorkloads } from './known-workloads.ts';
import { itemOf, policyKinds } from './policy-kinds.ts';

export interface ConfigurationSources {
  readonly graph: Graph;
  readonly store: Pick<Store, 'source'>;
  readonly mesh: Pick<MeshCollections, 'workloads' | 'backings'>;
}

export interface FollowedConfiguration extends Disposable {
  keys(): Iterable<string>;
  /** The text of an item; undefined: there is none. */
  get(key: string): string | undefined;
}

/** `onChange` is called after the transactions of one turn, with the keys of all that changed. */
export function followConfiguration(
  { graph, store, mesh }: ConfigurationSources,
  onChange: (keys: ReadonlySet<string>) => void,
): FollowedConfiguration {
  const objects = new Map<string, string>();
  let changed = new Set<string>();
  const workloads = followWorkloads({ graph, ...mesh }, (keys) => {
    for (const key of keys) changed.add(key);
  });
  const secrets = followSecrets({ graph, store }, (keys) => {
    for (const key of keys) changed.add(key);
  });
  const watches = policyKinds.map((kind) => {
    const source = store.source(kind);
    for (const [key, object] of source.entries()) objects.set(key, encodeItem(key, itemOf(object)));
    return graph.watch(source, ({ changes }) => {
      for (const [key, { after }] of changes) {
        if (after === undefined) objects.delete(key);
        else objects.set(key, encodeItem(key, itemOf(after)));
        changed.add(key);
      }
    });
  });
  // After that of the workloads, so that one transaction is one change.
  let isOver = false;
  const tell = (): void => {
    const keys = changed;
    changed = new Set();
    if (!isOver && keys.size > 0) onChange(keys);
  };
  // The revision has its number only once the transaction is over.
  const epochs = graph.onEpoch(() => {
    if (changed.size > 0) queueMicrotask(tell);
  });
  return {
    *keys() {
      yield* objects.keys();
      yield* workloads.items.keys();
      yield* secrets.items.keys();
    },
    get: (key) => objects.get(key) ?? workloads.items.get(key) ?? secrets.items.get(key),
    [Symbol.dispose]() {
      isOver = true;
      for (const watch of [...watches, epochs, workloads, secrets]) watch[Symbol.dispose]();
    },
  };
}
