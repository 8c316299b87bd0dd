// Outbound route configurations: empty ones whose hosts travel alone, and whole ones for clients that want them so.

import { create } from '@bufbuild/protobuf';
import type { Collection, Graph } from '@xebec/flow';
import { isClassLayer, type Layer, layerChain, type Scope } from '@xebec/model';
import { encode } from '@xebec/protos';
import { VirtualHostSchema } from '@xebec/protos/envoy/config/route/v3/route_components_pb';
import { RouteConfigurationSchema } from '@xebec/protos/envoy/config/route/v3/route_pb';
import { hashText } from '@xebec/std';
import { adsSource } from '../config-source.ts';
import type { Demand } from '../demand.ts';
import type { ProxySettings } from '../inputs.ts';
import { httpProxyRoute, scopeName } from '../names.ts';
import {
  type EncodedResource,
  encodeResource,
  equalResources,
  type Fields,
  type ResourceKey,
} from '../resource.ts';
import { isInScope, type ScopesInUse } from '../scopes.ts';
import { peerHeaderToAdd } from '../telemetry/peer.ts';
import { unknownHosts } from './unknown-hosts.ts';
import type { VirtualHosts } from './virtual-hosts.ts';

type RouteInit = Fields<typeof RouteConfigurationSchema>;

interface RouteInputs {
  readonly settings: Collection<'mesh', ProxySettings>;
  readonly demand: Demand;
  readonly virtualHosts: VirtualHosts;
  readonly scopes: ScopesInUse;
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
  /** A namespace, a class, or a scope in one of them. */
  readonly owner: string;
  readonly layer: Layer;
  readonly name: string;
  readonly scope?: Scope;
}

function buildEagerRoutes(graph: Graph, { settings, demand, virtualHosts, scopes }: RouteInputs) {
  const eager = graph.index(demand, 'eager', (_value, key) => {
    const [kind, style = ''] = key.split(':');
    return kind === 'eager' ? [style] : [];
  });
  const wholeRoutes = graph.derive({
    name: 'eagerRouteNames',
    from: virtualHosts.routes,
    reads: { eager, scopes: scopes.byNeed },
    equals: (left: WholeRoute, right: WholeRoute) =>
      left.owner === right.owner && left.name === right.name && left.scope === right.scope,
    fn: (_members, name: string, read) => {
      const style = name === httpProxyRoute ? httpProxyRoute : 'port';
      const ofAll = read.eager.at(style).map(([key]): WholeRoute => {
        const owner = key.split(':').slice(2).join(':');
        return { owner, layer: layerOfOwner(owner), name };
      });
      const ofScopes = read.scopes
        .at(style)
        .map(([, { scope, layer }]): WholeRoute => ({ owner: scopeName(scope, layer), layer, name, scope }));
      return [...ofAll, ...ofScopes].map(
        (whole) => [`${eagerRoutes(whole.owner)}|${name}` as ResourceKey, whole] as const,
      );
    },
  });
  return graph.derive({
    name: 'eagerRoutes',
    from: wholeRoutes,
    reads: { settings, byRoute: virtualHosts.byRoute },
    equals: equalResources,
    fn: ({ layer: narrowest, name, scope }, key: ResourceKey, read) => {
      const layers = layerChain(narrowest);
      const isNeeded =
        scope !== undefined || layers.length < 3 || read.byRoute.count(`${layers[0] ?? ''}|${name}`) > 0;
      if (!isNeeded) return [];
      const hosts = new Map<string, EncodedResource>();
      for (const [, value] of layers.flatMap((layer) => read.byRoute.at(`${layer}|${name}`))) {
        const isSeen = scope === undefined || isInScope(scope, value);
        if (isSeen && !hosts.has(value.name)) hosts.set(value.name, value);
      }
      const policy = scope?.outboundMode ?? read.settings.get('mesh')?.outboundTrafficPolicy ?? 'ALLOW_ANY';
      const table = concatenate(name, [...hosts.values()], policy);
      return [[key, scope === undefined ? table : { ...table, needs: needsOf(hosts.values()) }] as const];
    },
  });
}

/** What is behind the hosts: clients with a scope hold nothing else. */
const needsOf = (hosts: Iterable<EncodedResource>): EncodedResource['needs'] => [
  ...new Map([...hosts].flatMap(({ needs }) => needs).map((need) => [need.name, need])).values(),
];

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
