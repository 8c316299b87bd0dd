// Connected clients with the layers in which they look names up: what demand and views are made of.
import type { Collection, Graph } from '@xebec/flow';
import type { Layer, ProxyNode, Scope } from '@xebec/model';
import type { ResourceInputs } from './inputs.ts';
import type { PatchUse } from './patches/build-programs.ts';

export interface Client {
  readonly proxy: ProxyNode;
  /** Narrowest first, `*` last. */
  readonly layers: readonly Layer[];
  /** What its Sidecar lets it see; absent: everything. */
  readonly scope?: Scope;
  /** Patches of its view; absent for most. */
  readonly patches?: PatchUse;
}

export function deriveClients(
  graph: Graph,
  { proxies, clientLayers, scopes }: Pick<ResourceInputs, 'proxies' | 'clientLayers' | 'scopes'>,
  patchUses: Collection<string, PatchUse>,
): Collection<string, Client> {
  return graph.derive({
    name: 'clients',
    from: proxies,
    reads: { clientLayers, scopes, patchUses },
    fn: (proxy, id: string, read): readonly (readonly [string, Client])[] => {
      const layers = read.clientLayers.get(id);
      const scope = read.scopes.get(id);
      const patches = read.patchUses.get(id);
      if (layers === undefined) return [];
      const own = {
        ...(scope === undefined ? {} : { scope }),
        ...(patches === undefined ? {} : { patches }),
      };
      return [[id, { proxy, layers, ...own }]];
    },
    equals: (left, right) =>
      left.proxy === right.proxy &&
      left.layers === right.layers &&
      left.scope === right.scope &&
      left.patches === right.patches,
  });
}
