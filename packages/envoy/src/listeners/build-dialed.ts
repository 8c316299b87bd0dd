// Listeners of a Sidecar that clients dial: HTTP on an address and port of the workload's own, with the hosts that the
// Sidecar imports there.
import type { Collection, Graph } from '@xebec/flow';
import type { DialedListener } from '@xebec/model';
import type { ResourceInputs } from '../inputs.ts';
import { type Emission, type EncodedResource, equalResources, type ResourceKey } from '../resource.ts';
import type { ScopesInUse } from '../scopes.ts';
import { scopeLayer } from '../views.ts';
import { encodeHttpPortListener } from './outbound.ts';

export function buildDialedListeners(
  graph: Graph,
  { settings }: ResourceInputs,
  { uses }: ScopesInUse,
): Collection<ResourceKey, EncodedResource> {
  return graph.derive({
    name: 'dialedListeners',
    from: uses,
    reads: { settings },
    equals: equalResources,
    fn: ({ scope, layer, taker }, _key: string, read): readonly Emission[] => {
      const current = read.settings.get('mesh');
      if (current === undefined) return [];
      const outboundTrafficPolicy = scope.outboundMode ?? current.outboundTrafficPolicy;
      return scope.dialed
        .filter(({ isHttp }) => isHttp)
        .map(({ bind, port }: DialedListener): Emission => {
          const encoded = encodeHttpPortListener(port, {
            settings: { ...current, outboundTrafficPolicy },
            isOnDemand: taker.startsWith('on-demand'),
            isDetected: false,
            bind,
          });
          return [`${scopeLayer(taker, scope, layer)}|${encoded.name}`, encoded];
        });
    },
  });
}
