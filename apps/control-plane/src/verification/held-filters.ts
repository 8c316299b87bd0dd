// EnvoyFilters in force: of one that Envoy refuses the last good value, until somebody writes another.
import type { ObjectOf } from '@xebec/config';
import type { EncodedResource, PatchGate, ResourceKey } from '@xebec/envoy';
import type { Collection, Graph, Source } from '@xebec/flow';
import type { ObjectKey, PatchSet } from '@xebec/model';
import { deepEqual } from '@xebec/std';

export type EnvoyFilter = ObjectOf<'EnvoyFilter'>;

/** An EnvoyFilter whose value must not be used. */
export interface HeldFilter {
  readonly refused: EnvoyFilter;
  /** What is in force instead; absent: nothing of it. */
  readonly lastGood?: EnvoyFilter;
  readonly code: 'refused-by-envoy' | 'cannot-verify';
  /** Envoy's words, or why it could not be asked. */
  readonly message: string;
  /** A resource that it spoilt. */
  readonly typeUrl: string;
  readonly resource: string;
  readonly atMs: number;
}

/** What is written from outside the graph about patches. */
export interface PatchSources extends PatchGate {
  readonly approved: Source<string, true>;
  readonly lastGood: Source<ResourceKey, EncodedResource>;
  readonly attached: Source<string, PatchSet>;
  readonly held: Source<ObjectKey, HeldFilter>;
}

export function createPatchSources(graph: Graph): PatchSources {
  return {
    approved: graph.source('patchesApproved'),
    lastGood: graph.source('patchesLastGood'),
    attached: graph.source('patchesAttached', { equals: (left: PatchSet, right) => left.id === right.id }),
    held: graph.source('heldFilters'),
  };
}

/** The EnvoyFilters that are in force. */
export function effectiveFilters(
  graph: Graph,
  written: Collection<ObjectKey, EnvoyFilter>,
  held: PatchSources['held'],
): Collection<ObjectKey, EnvoyFilter> {
  return graph.derive({
    name: 'effectiveFilters',
    from: written,
    reads: { held },
    fn: (filter, key: ObjectKey, read) => {
      const hold = read.held.get(key);
      const value = hold !== undefined && isSame(hold.refused, filter) ? hold.lastGood : filter;
      return value === undefined ? [] : [[key, value] as const];
    },
  });
}

/** Whether two values of an object say the same. */
export const isSame = (left: EnvoyFilter, right: EnvoyFilter): boolean =>
  left === right || deepEqual(left.spec, right.spec);
