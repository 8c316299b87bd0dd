// Connected clients with the layers in which they look names up: what demand and views are made of.
import type { Collection, Graph } from '@xebec/flow';
import type { Layer, ProxyNode } from '@xebec/model';
import type { ResourceInputs } from './inputs.ts';
import type { PatchUse } from './patches/build-programs.ts';

export interface Client {
  readonly proxy: ProxyNode;
  /** Narrowest first, `*` last. */
  readonly layers: readonly Layer[];
  /** Patches of its view; absent for most. */
  readonly patches?: PatchUse;
}

export function deriveClients(
  graph: Graph,
  { proxies, clientLayers }: Pick<ResourceInputs, 'proxies' | 'clientLayers'>,
  patchUses: Collection<string, PatchUse>,
): Collection<string, Client> {
  return graph.derive({
    name: 'clients',
    from: proxies,
    reads: { clientLayers, patchUses },
    fn: (proxy, id: string, read): readonly (readonly [string, Client])[] => {
      const layers = read.clientLayers.get(id);
      const patches = read.patchUses.get(id);
      if (layers === undefined) return [];
      return [[id, { proxy, layers, ...(patches === undefined ? {} : { patches }) }]];
    },
    equals: (left, right) =>
      left.proxy === right.proxy && left.layers === right.layers && left.patches === right.patches,
  });
}
