// Where the filter of an extension goes, as a step of a patch program. The rule: what the filter is told is not part of it, so that no listener changes with it.
import type { FilterClass } from '@xebec/config';
import { trafficOf } from '@xebec/config';
import type { Collection, Graph } from '@xebec/flow';
import type { Extension } from '@xebec/mesh';
import { type ExtensionSide, extensionSides, type ObjectKey } from '@xebec/model';
import { deepEqual } from '@xebec/std';
import type { ReadyPatch } from '../patches/program.ts';
import { extensionName } from './names.ts';
import { type StandIn, standInOf } from './stand-in.ts';

export interface Insertion {
  readonly name: string;
  readonly phase: FilterClass;
  readonly standIn: StandIn;
  readonly side: ExtensionSide;
  /** Empty: all. */
  readonly ports: readonly number[];
}

/** By object; by position as `PatchReference` has it. */
export type ReadyInsertions = Collection<ObjectKey, readonly (ReadyPatch | undefined)[]>;

export function buildInsertions(graph: Graph, extensions: Collection<ObjectKey, Extension>): ReadyInsertions {
  const insertions = graph.derive({
    name: 'extensionInsertions',
    from: extensions,
    fn: (extension, key: ObjectKey) => [
      [key, extensionSides.map((side) => insertionAt(extension, side))] as const,
    ],
    equals: deepEqual,
  });
  return graph.derive({
    name: 'readyExtensions',
    from: insertions,
    fn: (sides, key: ObjectKey) => [[key, sides.map((each) => each && readyInsertion(key, each))] as const],
  });
}

/** The ports at which a filter stands; undefined when no traffic of the side passes it. */
export function portsAt({ spec }: Extension, side: ExtensionSide): readonly number[] | undefined {
  const traffic = trafficOf(spec, side);
  if (traffic.length === 0) return undefined;
  if (traffic.some(({ ports }) => ports.length === 0)) return [];
  return [...new Set(traffic.flatMap(({ ports }) => ports))].sort((left, right) => left - right);
}

function insertionAt(extension: Extension, side: ExtensionSide): Insertion | undefined {
  const ports = portsAt(extension, side);
  if (ports === undefined) return undefined;
  const { spec } = extension;
  return { name: extensionName(extension), phase: spec.phase, standIn: standInOf(spec), side, ports };
}

const readyInsertion = (object: ObjectKey, insertion: Insertion): ReadyPatch => ({
  id: `${object}#spec`,
  object,
  patch: {
    applyTo: insertion.standIn.level === 'http' ? 'HTTP_FILTER' : 'NETWORK_FILTER',
    operation: 'ADD',
    filterClass: insertion.phase,
    match: { context: insertion.side },
  },
  insertion,
  value: () => {
    throw new TypeError('the filter of an extension is inserted, not read');
  },
  bytes: () => new Uint8Array(),
  needs: [],
});
