// The keys of Secrets that handlers name, as policy services get them: nothing else of any Secret leaves the store.
import type { Graph } from '@xebec/flow';
import { encodeSecret, secretKey, secretsIn } from '@xebec/policy';
import type { Store } from '@xebec/store';

export interface KnownSecrets extends Disposable {
  /** Items by key, as texts. */
  readonly items: ReadonlyMap<string, string>;
}

/** `onChange` is called with the keys that changed, once per epoch at most. */
export function followSecrets(
  { graph, store }: { readonly graph: Graph; readonly store: Pick<Store, 'source'> },
  onChange: (keys: readonly string[]) => void,
): KnownSecrets {
  const handlers = store.source('handler');
  const secrets = store.source('Secret');
  const items = new Map<string, string>();
  const refresh = (): readonly string[] => {
    const contents = new Map<string, Uint8Array>();
    const byName = new Map(
      [...secrets.entries()].map(([, { metadata, spec }]) => [
        `${metadata.namespace}/${metadata.name}`,
        spec.data,
      ]),
    );
    for (const [, { metadata, spec }] of handlers.entries())
      for (const { name, key } of secretsIn(spec)) {
        const data = byName.get(`${metadata.namespace}/${name}`);
        const content = data !== undefined && Object.hasOwn(data, key) ? data[key] : undefined;
        if (content !== undefined) contents.set(secretKey(metadata.namespace, name, key), content);
      }
    return replaceItems(items, contents);
  };
  refresh();
  let isTouched = false;
  const touch = (): void => {
    isTouched = true;
  };
  const watches = [
    graph.watch(handlers, touch),
    graph.watch(secrets, touch),
    graph.onEpoch(() => {
      if (!isTouched) return;
      isTouched = false;
      const keys = refresh();
      if (keys.length > 0) onChange(keys);
    }),
  ];
  return {
    items,
    [Symbol.dispose]() {
      for (const watch of watches) watch[Symbol.dispose]();
    },
  };
}

/** The keys of items that are others now. */
function replaceItems(
  items: Map<string, string>,
  contents: ReadonlyMap<string, Uint8Array>,
): readonly string[] {
  const changed: string[] = [];
  for (const [key, content] of contents) {
    const text = encodeSecret(key, content);
    if (items.get(key) === text) continue;
    items.set(key, text);
    changed.push(key);
  }
  for (const key of [...items.keys()]) {
    if (contents.has(key)) continue;
    items.delete(key);
    changed.push(key);
  }
  return changed;
}
