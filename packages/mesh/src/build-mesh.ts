// The whole mesh: configuration in, model out, one keyed collection at a time. Only wiring; each concern has its file.
import type { Graph } from '@xebec/flow';
import { deriveAuthentication } from './authentication.ts';
import { deriveAuthorization } from './authorization.ts';
import { acceptancesOf } from './authorization-check/acceptances.ts';
import { deriveAuthorizationConflicts } from './authorization-conflicts.ts';
import { deriveBackings, indexBySelector } from './backings.ts';
import { deriveClaims } from './claims.ts';
import { deriveClasses } from './classes.ts';
import { deriveConflicts } from './conflicts.ts';
import { deriveConnections } from './connection-rules.ts';
import { deriveConnectionTables, indexMeshConnections } from './connection-tables.ts';
import { deriveDestinationRules, deriveDestinations } from './destinations.ts';
import { deriveEndpoints, indexServers } from './endpoints.ts';
import { deriveGateways } from './gateways.ts';
import { deriveHosts } from './host-views.ts';
import { deriveServices } from './hosts.ts';
import { deriveInbounds } from './inbounds.ts';
import type { MeshCollections, MeshInputs } from './inputs.ts';
import { deriveLogins } from './logins.ts';
import { deriveNetworkGateways, deriveNetworks } from './networks.ts';
import { derivePatches } from './patch-sets.ts';
import { derivePeerPolicies, derivePeerSources, indexNamespacePeers } from './peer-policies.ts';
import { derivePolicyRules } from './policy-rules.ts';
import { deriveRouteTables, indexMeshRoutes } from './route-tables.ts';
import { deriveRoutes } from './routes.ts';
import { deriveSecrets } from './secrets.ts';
import { deriveScopes, indexSidecars } from './sidecars.ts';
import { deriveWorkloads, indexByAddress, indexByLabel } from './workloads.ts';

/** Adds the mesh to a graph. The collections are complete at once and follow every later transaction. */
export function buildMesh(graph: Graph, inputs: MeshInputs): MeshCollections {
  const hosts = deriveHosts(graph, deriveClaims(graph, inputs));
  const services = deriveServices(graph, hosts);
  const networks = deriveNetworks(graph, inputs);
  const workloads = deriveWorkloads(graph, inputs, networks);
  const backings = deriveBackings(graph, inputs);
  const peersByNamespace = indexNamespacePeers(graph, inputs);
  const peerSources = derivePeerSources(graph, inputs, peersByNamespace);
  const ofServers = { hosts, backings, workloads, peerSources, networks };
  const { serversByPort, identities, ...endpoints } = deriveServers(graph, inputs, ofServers);
  const destinationRules = deriveDestinationRules(graph, inputs);
  const { clientLayers, classesByPair } = deriveClasses(graph, inputs);
  const ofHosts = { hosts, rules: destinationRules, identities, classesByPair };
  const destinations = deriveDestinations(graph, inputs, ofHosts);
  const rules = { ...deriveRules(graph, inputs, { hosts, destinations, serversByPort }), destinationRules };
  const sidecarsBySelector = indexSidecars(graph, inputs);
  const { keyRequests, ...policies } = derivePolicies(graph, inputs);
  const { loginRequests, ...logins } = deriveLogins(graph, inputs);
  const ofTables = { ...ofHosts, routes: rules.meshRoutes, serversByPort, ...policies };
  const inboundSources = {
    workloads,
    workloadsByAddress: indexByAddress(graph, workloads),
    backingsBySelector: indexBySelector(graph, backings),
    peerSources,
    ...policies,
    sidecarsBySelector,
    hosts,
  };
  const routeTables = deriveRouteTables(graph, inputs, ofTables);
  const ofGateways = {
    ...inboundSources,
    ...rules,
    logins,
    secrets: deriveSecrets(graph, inputs),
    serversByPort,
  };
  const { gateways, ...gatewayProblems } = deriveGateways(graph, inputs, ofGateways);
  return {
    services,
    ...endpoints,
    destinations,
    connectionTables: deriveConnectionTables(graph, hosts, rules.meshConnections, classesByPair),
    routeTables,
    clientLayers,
    scopes: deriveScopes(graph, inputs, sidecarsBySelector),
    ...{ workloads, backings, ...networks },
    networkGateways: deriveNetworkGateways(graph, inputs, { ...networks, ...endpoints }),
    inbounds: deriveInbounds(graph, inputs, inboundSources),
    acceptances: acceptancesOf(inboundSources),
    gateways,
    keyRequests: graph.union('mesh.fetchRequests', keyRequests, loginRequests),
    loginSecrets: logins.loginSecrets,
    secrets: ofGateways.secrets,
    ...derivePatches(graph, inputs),
    conflicts: deriveConflicts(graph, {
      hosts,
      services,
      destinations,
      ...rules,
      routeTables,
      peersByNamespace,
      authorizationConflicts: deriveAuthorizationConflicts(graph, inputs, hosts),
      ...gatewayProblems,
    }),
  };
}

type ServerSources = Omit<Parameters<typeof deriveEndpoints>[2], 'workloadsByLabel' | 'peerPolicies'>;

/** Endpoints, and who answers there. */
function deriveServers(graph: Graph, inputs: MeshInputs, sources: ServerSources) {
  const { servers, ...collections } = deriveEndpoints(graph, inputs, {
    ...sources,
    workloadsByLabel: indexByLabel(graph, sources.workloads),
    peerPolicies: derivePeerPolicies(graph, sources.workloads, sources.peerSources),
  });
  return { ...collections, serversByPort: indexServers(graph, servers) };
}

/** Routes and connections of VirtualServices, with those that hold inside the mesh apart. */
function deriveRules(graph: Graph, inputs: MeshInputs, parts: RouteParts) {
  const routes = deriveRoutes(graph, inputs, parts);
  const connections = deriveConnections(graph, inputs, parts.hosts);
  const meshConnections = indexMeshConnections(graph, connections);
  return { routes, meshRoutes: indexMeshRoutes(graph, routes), connections, meshConnections };
}

type RouteParts = Parameters<typeof deriveRoutes>[2];

/** Whose tokens are believed, who may do what, and what the policy service is asked. */
function derivePolicies(graph: Graph, inputs: MeshInputs) {
  const { keyRequests, ...authentication } = deriveAuthentication(graph, inputs);
  const policyRules = derivePolicyRules(graph, inputs);
  return { keyRequests, authentication, authorization: deriveAuthorization(graph, inputs), policyRules };
}
