// The program of each set of patches, once however many proxies have it, and which set each proxy's view has.
import type { ObjectOf } from '@xebec/config';
import type { Collection, Graph } from '@xebec/flow';
import type { ObjectKey, PatchSet } from '@xebec/model';
import { knownTypes } from '@xebec/protos';
import { deepEqual } from '@xebec/std';
import { buildInsertions } from '../extensions/insertion.ts';
import type { ResourceInputs } from '../inputs.ts';
import { type PatchProgram, readyPatches, typesOf } from './program.ts';

/** The set of patches in a proxy's view, and the resource types it may change or add to. */
export interface PatchUse {
  readonly set: string;
  readonly types: readonly string[];
}

/** A set that some proxy has, or is to have. */
interface PatchHolder {
  readonly proxy: string;
  readonly set: PatchSet;
}

export interface Programs {
  /** By set. */
  readonly programs: Collection<string, PatchProgram>;
  /** By proxy id; only proxies with patches. */
  readonly uses: Collection<string, PatchUse>;
  readonly holders: Collection<string, PatchHolder>;
}

export function buildPrograms(graph: Graph, inputs: ResourceInputs): Programs {
  const { envoyFilters, patchSets } = inputs;
  const attached = inputs.patchGate?.attached ?? patchSets;
  const ready = graph.derive({
    name: 'readyPatches',
    from: envoyFilters,
    fn: ({ spec }: ObjectOf<'EnvoyFilter'>, key: ObjectKey) => {
      const registry = knownTypes();
      return registry === undefined ? [] : [[key, readyPatches(key, spec, registry)] as const];
    },
  });
  const insertions = buildInsertions(graph, inputs.extensions);
  const holders = buildHolders(graph, patchSets, attached);
  const programs = graph.derive({
    name: 'patchPrograms',
    from: buildSets(graph, holders),
    reads: { ready, insertions },
    fn: ({ role, patches }, id: string, read) => {
      const found = patches.flatMap(
        ({ object, position }) => (read.ready.get(object) ?? read.insertions.get(object))?.[position] ?? [],
      );
      return [[id, { role, patches: found }] as const];
    },
    equals: (left, right) =>
      left.patches.length === right.patches.length &&
      left.patches.every((patch, at) => patch === right.patches[at]),
  });
  const uses = graph.derive({
    name: 'patchUses',
    from: attached,
    reads: { programs },
    fn: ({ id }, proxy: string, read) => {
      const program = read.programs.get(id);
      return program === undefined ? [] : [[proxy, { set: id, types: typesOfProgram(program) }] as const];
    },
    equals: deepEqual,
  });
  return { programs, uses, holders };
}

export const typesOfProgram = ({ patches }: PatchProgram): readonly string[] =>
  [...new Set(patches.flatMap(({ patch }) => typesOf(patch)))].sort();

function buildHolders(
  graph: Graph,
  wanted: Collection<string, PatchSet>,
  attached: Collection<string, PatchSet>,
): Collection<string, PatchHolder> {
  const sources = attached === wanted ? { wanted } : { wanted, attached };
  return graph.union(
    'patchHolders',
    ...Object.entries(sources).map(([name, from]) =>
      graph.derive({
        name: `patchHolders.${name}`,
        from,
        fn: (set, proxy: string) => [[`${name}|${proxy}`, { proxy, set }] as const],
        equals: (left, right) => left.set.id === right.set.id,
      }),
    ),
  );
}

/** Each set once, whoever has it. */
function buildSets(graph: Graph, holders: Collection<string, PatchHolder>): Collection<string, PatchSet> {
  return graph.derive({
    name: 'patchSetMembers',
    from: graph.group(graph.index(holders, 'bySet', ({ set }) => [set.id])),
    reads: { holders },
    fn: (members, id: string, read) => {
      const [first] = members;
      const holder = first === undefined ? undefined : read.holders.get(first);
      return holder === undefined ? [] : [[id, holder.set] as const];
    },
    equals: (left, right) => left.id === right.id,
  });
}
