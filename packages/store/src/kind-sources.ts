// One flow source per kind; a value is the same as long as metadata and spec are, wherever it was written.
import type { AnyObject, KindName, ObjectKey, ObjectOf } from '@xebec/config';
import { kinds } from '@xebec/config';
import type { Graph, Source } from '@xebec/flow';
import { assert, deepEqual } from '@xebec/std';

type SourceByKind = { readonly [K in KindName]: Source<ObjectKey, ObjectOf<K>> };

export class KindSources {
  private readonly byKind: SourceByKind;

  constructor(graph: Graph) {
    const sources = kinds.map(({ kind }) => [kind, graph.source(kind, { equals: isSameObject })]);
    // The registry of kinds and the map of their types name the same kinds.
    this.byKind = Object.freeze(Object.fromEntries(sources)) as SourceByKind;
  }

  of<K extends KindName>(kind: K): SourceByKind[K] {
    const source = this.byKind[kind];
    assert(source !== undefined, `${kind} is a registered kind`);
    return source;
  }

  set<K extends KindName>(key: ObjectKey, object: ObjectOf<K>): void {
    this.of(object.kind).set(key, object);
  }

  delete(key: ObjectKey, object: AnyObject): void {
    this.of(object.kind).delete(key);
  }
}

/** Equal for everything that is computed from objects. */
export function isSameObject(
  left: Pick<AnyObject, 'metadata' | 'spec'>,
  right: Pick<AnyObject, 'metadata' | 'spec'>,
): boolean {
  return deepEqual(left.metadata, right.metadata) && deepEqual(left.spec, right.spec);
}
