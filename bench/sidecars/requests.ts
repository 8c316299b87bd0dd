// Delta discovery requests of a simulated sidecar, encoded by the generated code, with Istio's node ids and metadata.
import { create, type JsonObject } from '@bufbuild/protobuf';
import { encode } from '@xebec/protos';
import { type Node, NodeSchema } from '@xebec/protos/envoy/config/core/v3/base_pb';
import { DeltaDiscoveryRequestSchema } from '@xebec/protos/envoy/service/discovery/v3/discovery_pb';
import { namespaceOf } from '../generate/naming.ts';
import type { DiscoveryMode } from './messages.ts';

const prefix = 'type.googleapis.com/';
export const typeUrls = {
  cluster: `${prefix}envoy.config.cluster.v3.Cluster`,
  endpoint: `${prefix}envoy.config.endpoint.v3.ClusterLoadAssignment`,
  listener: `${prefix}envoy.config.listener.v3.Listener`,
  route: `${prefix}envoy.config.route.v3.RouteConfiguration`,
  virtualHost: `${prefix}envoy.config.route.v3.VirtualHost`,
} as const;

/** The node of sidecar number `index`, as Istio's agent would describe it. */
export function nodeOf(index: number, mode: DiscoveryMode): Node {
  const address = `10.200.${(index >> 8) & 255}.${index & 255}`;
  const namespace = namespaceOf(index);
  const app = `app-${index}`;
  const metadata: JsonObject = {
    NAMESPACE: namespace,
    NAME: app,
    SERVICE_ACCOUNT: 'default',
    WORKLOAD_NAME: app,
    LABELS: { app, version: 'v1' },
    CLUSTER_ID: 'Kubernetes',
    MESH_ID: 'cluster.local',
    INSTANCE_IPS: address,
    ISTIO_VERSION: '1.29.0',
    ...(mode === 'on-demand' ? { ON_DEMAND_DISCOVERY: 'true' } : {}),
  };
  return create(NodeSchema, {
    id: `sidecar~${address}~${app}.${namespace}~${namespace}.svc.cluster.local`,
    cluster: `${app}.${namespace}`,
    metadata,
    userAgentName: 'envoy',
  });
}

export interface RequestFields {
  readonly typeUrl: string;
  readonly node?: Node;
  readonly subscribe?: readonly string[];
  readonly nonce?: string;
}

export const encodeRequest = ({ typeUrl, node, subscribe, nonce }: RequestFields): Buffer =>
  Buffer.from(
    encode(
      DeltaDiscoveryRequestSchema,
      create(DeltaDiscoveryRequestSchema, {
        typeUrl,
        ...(node === undefined ? {} : { node }),
        resourceNamesSubscribe: [...(subscribe ?? [])],
        responseNonce: nonce ?? '',
      }),
    ),
  );
