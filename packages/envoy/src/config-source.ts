// Where a proxy gets further resources from: its one ADS stream, or its agent for secrets.
import { create, type MessageInitShape } from '@bufbuild/protobuf';
import {
  ApiConfigSource_ApiType,
  ApiVersion,
  ConfigSourceSchema,
} from '@xebec/protos/envoy/config/core/v3/config_source_pb';
import { SdsSecretConfigSchema } from '@xebec/protos/envoy/extensions/transport_sockets/tls/v3/secret_pb';
import { durationOf } from './duration.ts';

/** The aggregated stream. `fetchTimeoutMs` bounds how long a missing resource may hold up what needs it. */
export function adsSource(fetchTimeoutMs?: number): MessageInitShape<typeof ConfigSourceSchema> {
  return {
    resourceApiVersion: ApiVersion.V3,
    configSourceSpecifier: { case: 'ads', value: {} },
    ...(fetchTimeoutMs === undefined ? {} : { initialFetchTimeout: durationOf(fetchTimeoutMs) }),
  };
}

/** Name of the bootstrap cluster that leads to the agent's secret service. */
const agentCluster = 'sds-grpc';

const agentSource = create(ConfigSourceSchema, {
  resourceApiVersion: ApiVersion.V3,
  initialFetchTimeout: { seconds: 0n, nanos: 0 },
  configSourceSpecifier: {
    case: 'apiConfigSource',
    value: {
      apiType: ApiConfigSource_ApiType.GRPC,
      transportApiVersion: ApiVersion.V3,
      setNodeOnFirstMessageOnly: true,
      grpcServices: [{ targetSpecifier: { case: 'envoyGrpc', value: { clusterName: agentCluster } } }],
    },
  },
});

/** The workload's own certificate (`default`) or the roots it trusts (`ROOTCA`), served by its agent. */
export const agentSecret = (name: 'default' | 'ROOTCA') =>
  create(SdsSecretConfigSchema, { name, sdsConfig: agentSource });

/** A server certificate that the control plane sends. */
export const adsSecret = (name: string) => create(SdsSecretConfigSchema, { name, sdsConfig: adsSource() });
