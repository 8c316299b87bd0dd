// A mesh over sources that a test writes; objects go in by kind, collections come out as plain text keys and values.
import type { KindName, ObjectOf } from '@xebec/config';
import { type Collection, createGraph, type Graph, type Source } from '@xebec/flow';
import type { KeySource, ObjectKey, ProxyNode } from '@xebec/model';
import { deepEqual } from '@xebec/std';
import { buildMesh } from '../build-mesh.ts';
import { configInputs } from '../config-inputs.ts';
import type { MeshCollections } from '../inputs.ts';
import type { MeshSettings } from '../settings.ts';
import { keyOf } from './objects.ts';

/** An object of any kind that the mesh is made of. */
export type MeshObject = { readonly [K in KindName]: ObjectOf<K> }[KindName];

export interface MeshFixture {
  readonly graph: Graph;
  readonly mesh: MeshCollections;
  readonly proxies: Source<string, ProxyNode>;
  readonly settings: Source<'mesh', MeshSettings>;
  readonly keySets: Source<KeySource, string>;
  /** One transaction. */
  put(...objects: readonly MeshObject[]): void;
  delete(...keys: readonly ObjectKey[]): void;
  connect(...proxies: readonly ProxyNode[]): void;
  /** Transform runs of one action, by collection; those without a run are left out. */
  runsOf(action: () => void): Readonly<Record<string, number>>;
}

/** One for each kind that somebody asks for. */
function createSources(graph: Graph) {
  const all = new Map<KindName, Source<ObjectKey, never>>();
  const source = <K extends KindName>(kind: K): Source<ObjectKey, ObjectOf<K>> => {
    const known = all.get(kind);
    if (known !== undefined) return known as unknown as Source<ObjectKey, ObjectOf<K>>;
    const made = graph.source<ObjectKey, ObjectOf<K>>(kind, { equals: deepEqual });
    all.set(kind, made as unknown as Source<ObjectKey, never>);
    return made;
  };
  return {
    source,
    write: (object: MeshObject) => {
      // The source of its own kind.
      all.get(object.kind)?.set(keyOf(object), object as never);
    },
    delete: (key: ObjectKey) => {
      for (const each of all.values()) if (each.has(key)) each.delete(key);
    },
  };
}

export function createMesh(): MeshFixture {
  const graph = createGraph();
  const sources = createSources(graph);
  const proxies = graph.source<string, ProxyNode>('proxies', { equals: deepEqual });
  const settings = graph.source<'mesh', MeshSettings>('settings', { equals: deepEqual });
  const keySets = graph.source<KeySource, string>('keySets');
  const mesh = buildMesh(graph, {
    ...configInputs(sources),
    // Told apart by name, as real ones are.
    sessionKey: (name, secret) =>
      new TextEncoder().encode(`${name} of ${secret?.length ?? 'the mesh'}`.padEnd(32, '.')),
    keySets,
    proxies,
    settings,
  });
  return {
    graph,
    mesh,
    proxies,
    settings,
    keySets,
    put: (...objects) => {
      graph.transact(() => {
        for (const object of objects) sources.write(object);
      });
    },
    delete: (...keys) => {
      graph.transact(() => {
        for (const key of keys) sources.delete(key);
      });
    },
    connect: (...nodes) => {
      graph.transact(() => {
        for (const node of nodes) proxies.set(node.id, node);
      });
    },
    runsOf: (action) => runsOf(graph, action),
  };
}

function runsOf(graph: Graph, action: () => void): Readonly<Record<string, number>> {
  const before = graph.runs();
  action();
  const differences = Object.entries(graph.runs()).map(([name, runs]): [string, number] => [
    name,
    runs - (before[name] ?? 0),
  ]);
  return Object.fromEntries(differences.filter(([, runs]) => runs > 0));
}

/** A collection as an object with sorted keys. */
export function contents<K extends string, V>(collection: Collection<K, V>): Readonly<Record<string, V>> {
  return Object.fromEntries([...collection.entries()].sort(([left], [right]) => (left < right ? -1 : 1)));
}

/** Every collection of a mesh, to compare two of them. */
export const everything = ({
  acceptances: _asked,
  ...collections
}: MeshCollections): Readonly<Record<string, object>> =>
  Object.fromEntries(
    Object.entries(collections).map(([name, collection]: [string, Collection<string, unknown>]) => [
      name,
      contents(collection),
    ]),
  );
