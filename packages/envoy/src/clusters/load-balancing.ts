// Which endpoint of a cluster gets the next request: Envoy's balancers for what a policy says.
import type { TrafficPolicy } from '@xebec/model';
import { Cluster_LbPolicy, type ClusterSchema } from '@xebec/protos/envoy/config/cluster/v3/cluster_pb';
import { durationOf } from '../duration.ts';
import type { Fields } from '../resource.ts';

type ClusterInit = Fields<typeof ClusterSchema>;

const balancers = {
  LEAST_REQUEST: Cluster_LbPolicy.LEAST_REQUEST,
  ROUND_ROBIN: Cluster_LbPolicy.ROUND_ROBIN,
  RANDOM: Cluster_LbPolicy.RANDOM,
  PASSTHROUGH: Cluster_LbPolicy.CLUSTER_PROVIDED,
} as const;

/** For clusters with a list of endpoints. */
export function encodeLoadBalancing(policy: TrafficPolicy): ClusterInit {
  if (policy.hash !== undefined) return hashed(policy);
  return { lbPolicy: balancers[policy.loadBalancer], ...slowStart(policy) };
}

function slowStart({ loadBalancer, warmup }: TrafficPolicy): ClusterInit {
  if (warmup === undefined) return {};
  const slowStartConfig = {
    slowStartWindow: durationOf(warmup.durationMs),
    minWeightPercent: { value: warmup.minimumPercent },
    ...(warmup.aggression === 1
      ? {}
      : { aggression: { defaultValue: warmup.aggression, runtimeKey: 'upstream.warmup_aggression' } }),
  };
  return loadBalancer === 'ROUND_ROBIN'
    ? { lbConfig: { case: 'roundRobinLbConfig', value: { slowStartConfig } } }
    : { lbConfig: { case: 'leastRequestLbConfig', value: { slowStartConfig } } };
}

function hashed({ hashTable }: TrafficPolicy): ClusterInit {
  if (hashTable?.kind === 'maglev') {
    const tableSize = BigInt(hashTable.size);
    return { lbPolicy: Cluster_LbPolicy.MAGLEV, lbConfig: { case: 'maglevLbConfig', value: { tableSize } } };
  }
  const minimumRingSize = BigInt(hashTable?.minimumSize ?? 1_024);
  return {
    lbPolicy: Cluster_LbPolicy.RING_HASH,
    lbConfig: { case: 'ringHashLbConfig', value: { minimumRingSize } },
  };
}
