// Connected clients with the layers in which they look names up: what demand and views are made of.
import type { Collection, Graph } from '@xebec/flow';
import type { Layer, ProxyNode } from '@xebec/model';
import type { ResourceInputs } from './inputs.ts';

export interface Client {
  readonly proxy: ProxyNode;
  /** Narrowest first, `*` last. */
  readonly layers: readonly Layer[];
}

export function deriveClients(
  graph: Graph,
  { proxies, clientLayers }: Pick<ResourceInputs, 'proxies' | 'clientLayers'>,
): Collection<string, Client> {
  return graph.derive({
    name: 'clients',
    from: proxies,
    reads: { clientLayers },
    fn: (proxy, id: string, read): readonly (readonly [string, Client])[] => {
      const layers = read.clientLayers.get(id);
      return layers === undefined ? [] : [[id, { proxy, layers }]];
    },
    equals: (left, right) => left.proxy === right.proxy && left.layers === right.layers,
  });
}
