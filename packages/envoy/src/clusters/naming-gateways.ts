// Gateways whose clients name the destination by its server name, and the networks that such gateways lead into.
import type { Collection, Graph, Index } from '@xebec/flow';
import type { GatewayModel } from '@xebec/model';
import type { Place } from '../endpoints/place.ts';

export interface NamingGateway {
  readonly namespace: string;
  /** Absent: it leads to endpoints wherever they are. */
  readonly network?: string;
}

export interface NamingGateways {
  /** Under `all` every one, by proxy id. */
  readonly all: Index<'all', string, NamingGateway>;
  readonly byNetwork: Index<string, string, NamingGateway>;
}

export function deriveNamingGateways(
  graph: Graph,
  gateways: Collection<string, GatewayModel>,
  places: Collection<string, Place>,
): NamingGateways {
  const naming = graph.derive({
    name: 'namingGateways',
    from: gateways,
    reads: { places },
    fn: ({ isNamedByClients, proxy }, id: string, read): readonly (readonly [string, NamingGateway])[] => {
      if (!isNamedByClients) return [];
      const network = read.places.get(id)?.network;
      return [[id, { namespace: proxy.namespace, ...(network === undefined ? {} : { network }) }]];
    },
    equals: (left, right) => left.namespace === right.namespace && left.network === right.network,
  });
  return {
    all: graph.index(naming, 'all', (): readonly 'all'[] => ['all']),
    byNetwork: graph.index(naming, 'byNetwork', ({ network }) => (network === undefined ? [] : [network])),
  };
}
