// The clusters that virtual hosts send to: a proxy that is told only what it needs needs these.
import type { Route, VirtualHost } from '@xebec/protos/envoy/config/route/v3/route_components_pb';
import { type ResourceReference, typeUrls } from '../resource.ts';

export function clustersOfHosts(hosts: readonly VirtualHost[]): readonly ResourceReference[] {
  const names = new Set(hosts.flatMap(({ routes }) => routes.flatMap(clustersOfRoute)));
  names.delete('');
  return [...names].map((name) => ({ typeUrl: typeUrls.cluster, name }));
}

function clustersOfRoute({ action }: Route): readonly string[] {
  if (action.case !== 'route') return [];
  const { clusterSpecifier: to, requestMirrorPolicies } = action.value;
  const mirrors = requestMirrorPolicies.map(({ cluster }) => cluster);
  if (to.case === 'cluster') return [to.value, ...mirrors];
  if (to.case === 'weightedClusters') return [...to.value.clusters.map(({ name }) => name), ...mirrors];
  return mirrors;
}
