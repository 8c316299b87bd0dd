// Patches of clusters.
import type { Cluster } from '@xebec/protos/envoy/config/cluster/v3/cluster_pb';
import { mergeMessages } from './merge-messages.ts';
import { fits, isInContext, type Place, type Side } from './place.ts';
import type { ReadyPatch } from './program.ts';

/** The direction and service that a cluster's name tells: `outbound|9080|v1|reviews.default.svc.cluster.local`. */
function partsOf(name: string) {
  const [direction, port, subset, service] = name.split('|');
  return service === undefined ? undefined : { direction, port: Number(port), subset, service };
}

function sideOf(name: string, { role }: Place): Side {
  if (role === 'router') return 'GATEWAY';
  return name.startsWith('inbound|') || name === 'InboundPassthroughCluster'
    ? 'SIDECAR_INBOUND'
    : 'SIDECAR_OUTBOUND';
}

function isMatch(ready: ReadyPatch, cluster: Cluster, place: Place): boolean {
  const side = sideOf(cluster.name, place);
  const wanted = ready.patch.match.cluster ?? {};
  if (!isInContext(ready, side)) return false;
  const parts = partsOf(cluster.name);
  const isFound =
    fits(wanted.name, (name) => name === cluster.name) &&
    fits(wanted.portNumber, (port) => port === parts?.port) &&
    fits(wanted.subset, (subset) => subset === parts?.subset) &&
    // Inbound clusters are not called after a service.
    fits(wanted.service, (service) => service === parts?.service || side === 'SIDECAR_INBOUND');
  if (!isFound) place.miss?.(ready, { depth: 1, what: 'cluster', seen: cluster.name });
  return isFound;
}

/** Changes the cluster; `removed` when there is to be none. */
export function patchCluster(
  cluster: Cluster,
  patches: readonly ReadyPatch[],
  place: Place,
): 'removed' | 'kept' {
  const { name } = cluster;
  for (const ready of patches) {
    const { applyTo, operation } = ready.patch;
    if (applyTo !== 'CLUSTER' || operation === 'ADD' || !isMatch(ready, cluster, place)) continue;
    place.hit(ready);
    if (operation === 'REMOVE') return 'removed';
    mergeMessages(cluster, ready.value(), place.registry);
    // What routes refer to stays.
    cluster.name = name;
  }
  return 'kept';
}
