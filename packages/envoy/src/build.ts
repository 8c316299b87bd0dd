// The translators wired into one graph: mesh model in, encoded Envoy resources out.
import type { Collection, Graph } from '@xebec/flow';
import { buildClientSecrets } from './client-secrets.ts';
import { type Client, deriveClients } from './clients.ts';
import { buildClusters } from './clusters/build-clusters.ts';
import { deriveNamingGateways } from './clusters/naming-gateways.ts';
import { buildDemand, type Demand } from './demand.ts';
import { buildEndpoints } from './endpoints/build-endpoints.ts';
import { buildExtensions } from './extensions/build-extensions.ts';
import type { ResourceInputs } from './inputs.ts';
import { buildListeners } from './listeners/build-listeners.ts';
import { encodeGatewayRoutes } from './listeners/gateway.ts';
import { encodeGrpcRoutes } from './listeners/grpc.ts';
import { buildLoginSecrets } from './login/login-secrets.ts';
import { buildPatches, type PatchCollections } from './patches/build-patches.ts';
import { buildPrograms } from './patches/build-programs.ts';
import { buildPlaces, type Places } from './places.ts';
import {
  type Emission,
  type EncodedResource,
  equalResources,
  type ResourceKey,
  typeUrls,
} from './resource.ts';
import { buildOutboundRoutes } from './routes/outbound-routes.ts';
import { buildVirtualHosts, httpPorts } from './routes/virtual-hosts.ts';
import { buildScopes } from './scopes.ts';
import { encodeSecret, grantedSecrets } from './secrets.ts';
import { trustDomainsOf } from './trust-domains.ts';
import { buildUdp } from './udp/build-udp.ts';
import { buildViews, grpcLayer, type ProxyView, proxyLayer, secretLayer } from './views.ts';

type Resources = Collection<ResourceKey, EncodedResource>;

/** Some of a type's resources; a type may have several such collections, whose keys never meet. */
export interface ResourceCollection {
  readonly typeUrl: string;
  readonly resources: Resources;
}

export interface EnvoyCollections {
  /** In the order in which they must reach a proxy: what is needed comes before what needs it. */
  readonly types: readonly ResourceCollection[];
  /** What each connected client sees, by proxy id. */
  readonly views: Collection<string, ProxyView>;
  readonly patches: PatchCollections;
}

/** Adds Envoy's resources to a graph. */
export function buildResources(graph: Graph, inputs: ResourceInputs): EnvoyCollections {
  const programs = buildPrograms(graph, inputs);
  const clients = deriveClients(graph, inputs, programs.uses);
  const places = buildPlaces(graph, clients, inputs);
  const made = buildUnpatched(graph, inputs, { clients, places });
  const patches = buildPatches(graph, { inputs, clients, places, made, programs });
  const types = made.flatMap((type): ResourceCollection[] => [type, ...patchesOf(patches, type.typeUrl)]);
  return { types, views: buildViews(graph, clients, { places, settings: inputs.settings }), patches };
}

const patchesOf = ({ published }: PatchCollections, typeUrl: string): readonly ResourceCollection[] => {
  const resources = published.get(typeUrl);
  return resources === undefined ? [] : [{ typeUrl, resources }];
};

/** The resources as the mesh alone makes them. */
function buildUnpatched(
  graph: Graph,
  inputs: ResourceInputs,
  { clients, places }: { readonly clients: Collection<string, Client>; readonly places: Places },
): readonly ResourceCollection[] {
  const demand = buildDemand(graph, clients);
  const { settings, routeTables, connectionTables } = inputs;
  const scopes = buildScopes(graph, clients);
  const virtualHosts = buildVirtualHosts(graph, { settings, demand, routeTables, connectionTables });
  const routes = graph.union(
    'routes',
    buildOutboundRoutes(graph, { settings, demand, virtualHosts, scopes }),
    buildGatewayRoutes(graph, inputs),
    buildGrpcRoutes(graph, inputs, demand),
  );
  const naming = deriveNamingGateways(graph, inputs.gateways, places.byClient);
  const udp = buildUdp(graph, inputs, { clients, demand });
  return [
    {
      typeUrl: typeUrls.secret,
      resources: graph.union('allSecrets', buildSecrets(graph, inputs), buildClientSecrets(graph, inputs)),
    },
    {
      typeUrl: typeUrls.cluster,
      resources: graph.union(
        'allClusters',
        buildClusters(graph, inputs, { demand, places, naming }),
        udp.clusters,
      ),
    },
    {
      typeUrl: typeUrls.endpoint,
      resources: graph.union(
        'allEndpoints',
        buildEndpoints(graph, inputs, { places, naming }),
        udp.endpoints,
      ),
    },
    { typeUrl: typeUrls.extension, resources: buildExtensions(graph, inputs) },
    {
      typeUrl: typeUrls.listener,
      resources: graph.union(
        'allListeners',
        buildListeners(graph, inputs, { demand, scopes }),
        udp.listeners,
      ),
    },
    { typeUrl: typeUrls.route, resources: routes },
    { typeUrl: typeUrls.virtualHost, resources: virtualHosts.resources },
  ];
}

function buildGatewayRoutes(graph: Graph, { gateways, settings }: ResourceInputs): Resources {
  return graph.derive({
    name: 'gatewayRoutes',
    from: gateways,
    reads: { settings },
    fn: (model, id: string, read) => {
      const current = model.outside === undefined ? undefined : read.settings.get('mesh');
      const names = current === undefined ? [] : trustDomainsOf(current);
      return encodeGatewayRoutes(model, names).map(
        (each): Emission => [`${proxyLayer(id)}|${each.name}`, each],
      );
    },
    equals: equalResources,
  });
}

function buildGrpcRoutes(graph: Graph, { routeTables }: ResourceInputs, demand: Demand): Resources {
  return graph.derive({
    name: 'grpcRoutes',
    from: routeTables,
    reads: { demand },
    fn: (table, _key, read): Emission[] => {
      if (table.service === undefined || read.demand.get('role:grpc') === undefined) return [];
      return httpPorts(table.service).map((port): Emission => {
        const encoded = encodeGrpcRoutes(table, port);
        return [`${grpcLayer(table.layer)}|${encoded.name}`, encoded];
      });
    },
    equals: equalResources,
  });
}

function buildSecrets(graph: Graph, { secrets, gateways, loginSecrets }: ResourceInputs): Resources {
  const own = graph.derive({
    name: 'serverSecrets',
    from: secrets,
    fn: (secret, name: string) => [
      [`${secretLayer(secret.namespace)}|${name}` as ResourceKey, encodeSecret(secret)] as const,
    ],
    equals: equalResources,
  });
  const granted = graph.derive({
    name: 'grantedSecrets',
    from: gateways,
    reads: { secrets },
    fn: (model, id: string, read) =>
      grantedSecrets(model).flatMap((name): Emission[] => {
        const secret = read.secrets.get(name);
        return secret === undefined ? [] : [[`${proxyLayer(id)}|${name}`, encodeSecret(secret)]];
      }),
    equals: equalResources,
  });
  return graph.union('secrets', own, granted, buildLoginSecrets(graph, { gateways, loginSecrets }));
}
