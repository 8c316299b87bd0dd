// What each resource type of Envoy is for, as far as the order of delivery depends on it.
import type { TypeUrl } from './types.ts';

const prefix = 'type.googleapis.com/envoy.';

export const CLUSTER: TypeUrl = `${prefix}config.cluster.v3.Cluster`;
export const ENDPOINTS: TypeUrl = `${prefix}config.endpoint.v3.ClusterLoadAssignment`;
export const LISTENER: TypeUrl = `${prefix}config.listener.v3.Listener`;
export const ROUTE: TypeUrl = `${prefix}config.route.v3.RouteConfiguration`;
const SCOPED_ROUTE: TypeUrl = `${prefix}config.route.v3.ScopedRouteConfiguration`;
export const VIRTUAL_HOST: TypeUrl = `${prefix}config.route.v3.VirtualHost`;
export const SECRET: TypeUrl = `${prefix}extensions.transport_sockets.tls.v3.Secret`;

/** Types that name clusters: new ones wait until the clusters are acknowledged. */
const referrers: ReadonlySet<TypeUrl> = new Set([LISTENER, ROUTE, SCOPED_ROUTE, VIRTUAL_HOST]);

/** Types whose state-of-the-world response must be complete: what is missing in it is gone. */
const completeTypes: ReadonlySet<TypeUrl> = new Set([LISTENER, CLUSTER]);

/** A removal waits until these types have acknowledged everything that stopped using the resource. */
const usersOf: Readonly<Record<TypeUrl, readonly TypeUrl[]>> = {
  [CLUSTER]: [LISTENER, ROUTE, SCOPED_ROUTE, VIRTUAL_HOST],
  [ENDPOINTS]: [CLUSTER],
  [ROUTE]: [LISTENER, SCOPED_ROUTE],
  [SECRET]: [LISTENER, CLUSTER],
};

const noUsers: readonly TypeUrl[] = [];

export const refersToClusters = (typeUrl: TypeUrl): boolean => referrers.has(typeUrl);
export const isCompleteType = (typeUrl: TypeUrl): boolean => completeTypes.has(typeUrl);
export const typesUsing = (typeUrl: TypeUrl): readonly TypeUrl[] => usersOf[typeUrl] ?? noUsers;

/** The route configuration of a virtual host's resource name, `<route configuration>/<host>`. */
export function routeConfigurationOf(virtualHost: string): string | undefined {
  const slash = virtualHost.lastIndexOf('/');
  return slash < 0 ? undefined : virtualHost.slice(0, slash);
}
