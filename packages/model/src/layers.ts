// Layers: who sees a value, from the widest to the narrowest; a client takes the first of its layers that has a name.

/**
 * Who sees a value: `*` is every namespace, `ns:NAME` one namespace and wins over `*`, `class:NAME/PAIRS` those
 * clients of a namespace that hold these label pairs out of all pairs that some selector mentions; it wins over
 * `ns:NAME`. A collection keyed by `LAYER|NAME` holds a value once in the widest layer and again only where it differs.
 */
export type Layer = '*' | `ns:${string}` | ClassLayer;
export type ClassLayer = `class:${string}/${string}`;
export type Layered<N extends string> = `${Layer}|${N}`;

type Labels = Readonly<Record<string, string>>;

export const layered = <N extends string>(layer: Layer, name: N): Layered<N> => `${layer}|${name}`;

export function splitLayered(key: Layered<string>): { readonly layer: Layer; readonly name: string } {
  const at = key.indexOf('|');
  return { layer: key.slice(0, at) as Layer, name: key.slice(at + 1) };
}

/** The layer of clients in a namespace that hold these pairs: `class:NAME/app=web,version=v1`. */
export const classLayer = (namespace: string, labels: Labels): ClassLayer =>
  `class:${namespace}/${Object.entries(labels)
    .map(([key, value]) => `${key}=${value}`)
    .sort()
    .join()}`;

export const isClassLayer = (layer: Layer): layer is ClassLayer => layer.startsWith('class:');

/** The namespace of a layer's clients; none for the shared one. */
export function namespaceOfLayer(layer: Layer): string | undefined {
  if (layer === '*') return undefined;
  return isClassLayer(layer) ? layer.slice('class:'.length, layer.indexOf('/')) : layer.slice('ns:'.length);
}

/** The mentioned label pairs that all clients of a layer hold; none where a layer has clients with any labels. */
export function labelsOfLayer(layer: Layer): Labels {
  if (!isClassLayer(layer)) return {};
  const pairs = layer.slice(layer.indexOf('/') + 1).split(',');
  return Object.fromEntries(
    pairs.map((pair) => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)]),
  );
}

/** A layer and those its clients fall back to, narrowest first: `class:a/app=web`, `ns:a`, `*`. */
export function layerChain(layer: Layer): readonly Layer[] {
  const namespace = namespaceOfLayer(layer);
  if (namespace === undefined) return ['*'];
  return isClassLayer(layer) ? [layer, `ns:${namespace}`, '*'] : [layer, '*'];
}

/** What clients of a layer see under a name. */
export function seenIn<V>(
  collection: { get(key: Layered<string>): V | undefined },
  layer: Layer,
  name: string,
): V | undefined {
  for (const each of layerChain(layer)) {
    const found = collection.get(layered(each, name));
    if (found !== undefined) return found;
  }
  return undefined;
}
