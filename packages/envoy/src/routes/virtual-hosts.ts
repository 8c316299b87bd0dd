// Virtual hosts: one per port of a host and layer, encoded once, sent alone (VHDS) or as part of a whole table.
import type { Collection, Graph, Index } from '@xebec/flow';
import type { ConnectionTable, Host, Layer, Layered, RouteTable, Service, ServicePort } from '@xebec/model';
import { hostOwner, layerChain } from '@xebec/model';
import { VirtualHostSchema } from '@xebec/protos/envoy/config/route/v3/route_components_pb';
import { providerNeeds } from '../authorization/ask-provider.ts';
import { outsideOverrides } from '../authorization/outside.ts';
import type { Demand, RouteStyle } from '../demand.ts';
import type { ProxySettings } from '../inputs.ts';
import { forwardProxyCluster, httpProxyRoute, outboundCluster } from '../names.ts';
import {
  type EncodedResource,
  encodeResource,
  equalResources,
  type ResourceKey,
  typeUrls,
} from '../resource.ts';
import { connectNeeds, connectRoute, deriveConnectDrafts } from './connect-hosts.ts';
import { domainsOf } from './domains.ts';
import type { Draft } from './draft.ts';
import { type EncodedRoutes, encodeDefaultRoute, encodeRules } from './http-routes.ts';
import { memberOverrides } from './member-names.ts';
import { meshPoint } from './request-point.ts';

export interface VirtualHosts {
  readonly resources: Collection<ResourceKey, EncodedResource>;
  /** By `LAYER|ROUTE CONFIGURATION`. */
  readonly byRoute: Index<string, ResourceKey, EncodedResource>;
  /** Names of all route configurations. */
  readonly routes: Collection<string, string>;
}

interface VirtualHostInputs {
  readonly settings: Collection<'mesh', ProxySettings>;
  readonly demand: Demand;
  readonly routeTables: Collection<Layered<Host>, RouteTable>;
  readonly connectionTables: Collection<Layered<Host>, ConnectionTable>;
}

export function buildVirtualHosts(graph: Graph, inputs: VirtualHostInputs): VirtualHosts {
  const ofRequests = graph.derive({
    name: 'virtualHostDrafts',
    from: inputs.routeTables,
    reads: { settings: inputs.settings, demand: inputs.demand, routeTables: inputs.routeTables },
    equals: equalDrafts,
    fn: (table, _key, read) => {
      const clusterDomain = read.settings.get('mesh')?.clusterDomain ?? 'cluster.local';
      return layersOf(table, read).flatMap((layer) =>
        stylesOf(read).flatMap((style) =>
          portsOf(table).map((port) => draft({ table, layer, style, port, clusterDomain })),
        ),
      );
    },
  });
  const drafts: Collection<ResourceKey, Draft> = graph.union(
    'hostDrafts',
    ofRequests,
    deriveConnectDrafts(graph, inputs),
  );
  const claims = graph.index(drafts, 'claims', ({ layer, route, domains }) =>
    domains.map((domain) => `${layer}|${route}|${domain}`),
  );
  const resources = graph.derive({
    name: 'virtualHosts',
    from: drafts,
    reads: { claims },
    equals: equalResources,
    fn: (value, key: ResourceKey, read) => {
      const won = value.domains.filter((domain) => isWinner(value, domain, read.claims));
      return won.length === 0 ? [] : [[key, encodeVirtualHost(value, won)] as const];
    },
  });
  const byRoute = graph.index(resources, 'byRoute', (value, key) => [
    `${layerOf(key)}|${routeOf(value.name)}`,
  ]);
  return { resources, byRoute, routes: routeNames(graph, drafts, inputs.demand) };
}

/** Ports that some host uses; the HTTP proxy's table is there even when no host is, since its listener waits for it. */
function routeNames(
  graph: Graph,
  drafts: Collection<ResourceKey, Draft>,
  demand: Demand,
): Collection<string, string> {
  const byPort = graph.index(drafts, 'routes', ({ route }) => (route === httpProxyRoute ? [] : [route]));
  return graph.union(
    'routeNames',
    graph.derive({
      name: 'portRoutes',
      from: graph.group(byPort),
      fn: (_members, name: string) => [[name, name] as const],
    }),
    graph.derive({
      name: 'proxyRoute',
      from: demand,
      fn: (_demand, key) =>
        key === `style:${httpProxyRoute}` ? [[httpProxyRoute, httpProxyRoute] as const] : [],
    }),
  );
}

const layerOf = (key: ResourceKey): string => key.slice(0, key.indexOf('|'));
const routeOf = (name: string): string => name.slice(0, name.indexOf('/'));

/** Tables are shared data of the mesh: the same table object means the same routes. */
const equalDrafts = (left: Draft, right: Draft): boolean =>
  left.table === right.table && left.domains.join() === right.domains.join();

type DraftReads = {
  readonly demand: { get(key: string): true | undefined };
  readonly routeTables: { get(key: Layered<Host>): RouteTable | undefined };
};

/** A shared table also serves the service's own namespace, where the bare name is known, unless that has its own. */
function layersOf(table: RouteTable, read: DraftReads): readonly Layer[] {
  const own = table.service?.platform === 'kubernetes' ? table.service.namespace : undefined;
  if (table.layer !== '*' || own === undefined) return [table.layer];
  const isWanted = read.demand.get(`ns:${own}`) === true;
  return isWanted && read.routeTables.get(`ns:${own}|${table.host}`) === undefined
    ? ['*', `ns:${own}`]
    : ['*'];
}

function stylesOf(read: DraftReads): readonly RouteStyle[] {
  const all: readonly RouteStyle[] = ['port', httpProxyRoute];
  return all.filter((style) => read.demand.get(`style:${style}`) === true);
}

/** Ports on which HTTP rules apply; a host without a service is reached on port 80. */
function portsOf({ service }: RouteTable): readonly number[] {
  return service === undefined ? [80] : httpPorts(service);
}

export const speaksHttp = ({ protocol }: ServicePort): boolean =>
  ['http', 'http2', 'grpc', 'grpc-web', 'auto'].includes(protocol);

export const httpPorts = (service: Service): readonly number[] =>
  service.ports.filter(speaksHttp).map(({ number }) => number);

function draft(options: {
  readonly table: RouteTable;
  readonly layer: Layer;
  readonly style: RouteStyle;
  readonly port: number;
  readonly clusterDomain: string;
}): readonly [ResourceKey, Draft] {
  const { table, layer, style, port } = options;
  const { host, service } = table;
  const route = style === 'port' ? String(port) : httpProxyRoute;
  const name = style === 'port' ? `${route}/${host}` : `${route}/${host}:${port}`;
  const domains = domainsOf({ ...options, host, service, hasMembers: hasMembers(options) });
  return [`${layer}|${name}`, { layer, route, host, port, domains, table }];
}

/** By CONNECT nobody can choose a member: the tunnel leads to the service. */
const hasMembers = ({
  table: { host, service },
  style,
  port,
}: {
  readonly table: RouteTable;
  readonly style: RouteStyle;
  readonly port: number;
}): boolean =>
  service?.isHeadless === true &&
  service.host === host &&
  service.resolution === 'endpoints' &&
  (style === 'port' || service.ports.every((each) => each.number !== port || each.protocol !== 'auto'));

type ClaimReads = { at(anchor: string): readonly (readonly [ResourceKey, Draft])[] };

/** The host that is really called so wins, then the first by name. What all namespaces share wins over
 * one namespace's; in a class a host has what it has in the class's namespace. */
function isWinner(value: Draft, domain: string, claims: ClaimReads): boolean {
  const rivals = claims
    .at(`${value.layer}|${value.route}|${domain}`)
    .filter(([, rival]) => rival.host !== value.host);
  const isOwn = bareName(domain) === value.host;
  const losesHere = rivals.some(([, rival]) => {
    const rivalOwns = bareName(domain) === rival.host;
    return rivalOwns === isOwn ? rival.host < value.host : rivalOwns;
  });
  if (losesHere || value.layer === '*') return !losesHere;
  const wider = layerChain(value.layer).slice(1);
  const claimants = wider.map((layer) =>
    claims.at(`${layer}|${value.route}|${domain}`).map(([, claimant]) => claimant),
  );
  const base = claimants.flat().find(({ host }) => host === value.host);
  if (wider.length > 1 && base !== undefined) return isWinner(base, domain, claims);
  return claimants.flat().every(({ host }) => host === value.host);
}

/** An explicit client has no destination but the host it names. */
function ownCluster({ host, service }: RouteTable, route: string, port: number): string {
  const isForwarded = route === httpProxyRoute && service?.resolution === 'original-destination';
  return isForwarded ? forwardProxyCluster : outboundCluster(port, '', service?.alias ?? host);
}

const bareName = (domain: string): string => domain.replace(/:\d+$/, '');

function encodeVirtualHost({ route, host, port, table }: Draft, domains: readonly string[]): EncodedResource {
  const isProxied = route === httpProxyRoute;
  const name = isProxied ? `${route}/${host}:${port}` : `${route}/${host}`;
  const { routes, clusters } = 'rules' in table ? requestRoutes(table, route, port) : nothing;
  const checks = 'rules' in table ? (table.outside ?? []).flatMap(({ authorization }) => authorization) : [];
  const isChosen = table.service?.isHeadless === true && table.service.host === host;
  const isConnected = isProxied && ('tcp' in table || isUndeclared(table, port));
  return encodeResource(
    VirtualHostSchema,
    {
      name,
      domains: [...domains],
      routes: [...(isConnected ? [connectRoute(host, port, table.causes)] : []), ...routes],
      includeRequestAttemptCount: true,
      ...(isChosen ? { typedPerFilterConfig: memberOverrides(domains) } : {}),
    },
    {
      name,
      aliases: domains.map((domain) => `${route}/${domain}`),
      needs: [
        ...clusters.map((cluster) => ({ typeUrl: typeUrls.cluster, name: cluster })),
        ...(isConnected ? connectNeeds(host, port) : []),
        ...providerNeeds(checks),
      ],
      causes: [...table.causes, ...checks.map(({ object }) => ({ object }))],
      owners: [hostOwner(port, namespaceOf(table), host)],
    },
  );
}

/** A host without a service belongs to who wrote its rules. */
const namespaceOf = ({ service, causes }: Draft['table']): string =>
  service?.namespace ?? causes[0]?.object.split('/')[1] ?? '';

const nothing: EncodedRoutes = { routes: [], clusters: [] };

const isUndeclared = ({ service, host }: RouteTable, port: number): boolean =>
  service?.host === host &&
  service.ports.some(({ number, protocol }) => number === port && protocol === 'auto');

function requestRoutes(table: RouteTable, route: string, port: number): EncodedRoutes {
  const { host, rules, service, causes, outside = [] } = table;
  // Clients only ask: nothing of it names a trust domain.
  const enforced = outsideOverrides(outside, []);
  const encoded = encodeRules(rules, host, { ...meshPoint(port), outside: enforced });
  if (encoded.routes.length > 0 || service === undefined) return encoded;
  const own = ownCluster(table, route, port);
  return {
    routes: [
      encodeDefaultRoute({
        ...{ host, port, causes },
        cluster: own,
        retry: table.retry,
        enforced: enforced.get(host),
      }),
    ],
    clusters: [own],
  };
}
