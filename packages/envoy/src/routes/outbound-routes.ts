// Outbound route configurations: empty ones whose hosts travel alone, and whole ones for clients that want them so.

import { create } from '@bufbuild/protobuf';
import type { Collection, Graph } from '@xebec/flow';
import { isClassLayer, type Layer, layerChain } from '@xebec/model';
import { encode } from '@xebec/protos';
import { VirtualHostSchema } from '@xebec/protos/envoy/config/route/v3/route_components_pb';
import { RouteConfigurationSchema } from '@xebec/protos/envoy/config/route/v3/route_pb';
import { hashText } from '@xebec/std';
import { adsSource } from '../config-source.ts';
import type { Demand } from '../demand.ts';
import type { ProxySettings } from '../inputs.ts';
import { httpProxyRoute } from '../names.ts';
import {
  type EncodedResource,
  encodeResource,
  equalResources,
  type Fields,
  type ResourceKey,
} from '../resource.ts';
import { peerHeaderToAdd } from '../telemetry/peer.ts';
import { unknownHosts } from './unknown-hosts.ts';
import type { VirtualHosts } from './virtual-hosts.ts';

type RouteInit = Fields<typeof RouteConfigurationSchema>;

interface RouteInputs {
  readonly settings: Collection<'mesh', ProxySettings>;
  readonly demand: Demand;
  readonly virtualHosts: VirtualHosts;
}

/** Layer of route configurations whose virtual hosts arrive on demand. */
export const onDemandRoutes = 'vhds';
/** Layer of whole route configurations for one namespace, or for one class: `eager:class:N/PAIRS`. */
export const eagerRoutes = (owner: string): string => `eager:${owner}`;

export function buildOutboundRoutes(
  graph: Graph,
  inputs: RouteInputs,
): Collection<ResourceKey, EncodedResource> {
  return graph.union('outboundRoutes', buildOnDemandRoutes(graph, inputs), buildEagerRoutes(graph, inputs));
}

function buildOnDemandRoutes(graph: Graph, { virtualHosts }: RouteInputs) {
  return graph.derive({
    name: 'onDemandRoutes',
    from: virtualHosts.routes,
    equals: equalResources,
    fn: (_members, name: string) => [
      [
        `${onDemandRoutes}|${name}` as ResourceKey,
        encodeResource(
          RouteConfigurationSchema,
          { ...routeConfiguration(name), vhds: { configSource: adsSource() } },
          { name },
        ),
      ] as const,
    ],
  });
}

interface WholeRoute {
  /** A namespace, or a class. */
  readonly owner: string;
  readonly name: string;
}

function buildEagerRoutes(graph: Graph, { settings, demand, virtualHosts }: RouteInputs) {
  const eager = graph.index(demand, 'eager', (_value, key) => {
    const [kind, style = ''] = key.split(':');
    return kind === 'eager' ? [style] : [];
  });
  const wholeRoutes = graph.derive({
    name: 'eagerRouteNames',
    from: virtualHosts.routes,
    reads: { eager },
    equals: (left: WholeRoute, right: WholeRoute) => left.owner === right.owner && left.name === right.name,
    fn: (_members, name: string, read) =>
      read.eager.at(name === httpProxyRoute ? httpProxyRoute : 'port').map(([key]) => {
        const owner = key.split(':').slice(2).join(':');
        return [`${eagerRoutes(owner)}|${name}` as ResourceKey, { owner, name }] as const;
      }),
  });
  return graph.derive({
    name: 'eagerRoutes',
    from: wholeRoutes,
    reads: { settings, byRoute: virtualHosts.byRoute },
    equals: equalResources,
    fn: ({ owner, name }, key: ResourceKey, read) => {
      const layers = layerChain(layerOfOwner(owner));
      const isNeeded = layers.length < 3 || read.byRoute.count(`${layers[0] ?? ''}|${name}`) > 0;
      if (!isNeeded) return [];
      const hosts = new Map<string, EncodedResource>();
      for (const [, value] of layers.flatMap((layer) => read.byRoute.at(`${layer}|${name}`))) {
        if (!hosts.has(value.name)) hosts.set(value.name, value);
      }
      const policy = read.settings.get('mesh')?.outboundTrafficPolicy ?? 'ALLOW_ANY';
      return [[key, concatenate(name, [...hosts.values()], policy)] as const];
    },
  });
}

const layerOfOwner = (owner: string): Layer =>
  isClassLayer(owner as Layer) ? (owner as Layer) : `ns:${owner}`;

/** A repeated field is its elements one after the other, so encoded virtual hosts are only put in a row. */
function concatenate(
  name: string,
  hosts: readonly EncodedResource[],
  policy: ProxySettings['outboundTrafficPolicy'],
): EncodedResource {
  const head = encode(RouteConfigurationSchema, create(RouteConfigurationSchema, routeConfiguration(name)));
  const rest = encode(VirtualHostSchema, create(VirtualHostSchema, unknownHosts(policy, ['*'])));
  const chunks: Uint8Array[] = [head];
  for (const host of hosts) appendField(chunks, host.chunks);
  appendField(chunks, [rest]);
  return {
    name,
    hash: hashText([name, policy, ...hosts.map(({ hash }) => hash)].join()),
    chunks,
    aliases: [],
    needs: [],
    causes: [],
  };
}

/** Field 2 (`virtual_hosts`), length-delimited. */
const virtualHostsTag = 0x12;

function appendField(chunks: Uint8Array[], value: readonly Uint8Array[]): void {
  let length = value.reduce((sum, chunk) => sum + chunk.length, 0);
  const prefix = [virtualHostsTag];
  while (length > 127) {
    prefix.push((length & 127) | 128);
    length = Math.floor(length / 128);
  }
  prefix.push(length);
  chunks.push(Uint8Array.from(prefix), ...value);
}

function routeConfiguration(name: string): RouteInit {
  return {
    name,
    validateClusters: false,
    ignorePortInHostMatching: name !== httpProxyRoute,
    maxDirectResponseBodySizeBytes: 1_048_576,
    requestHeadersToAdd: [peerHeaderToAdd],
  };
}
