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

/** `fetchTimeoutMs`: 0 waits as long as it takes. */
const agentSource = (fetchTimeoutMs: number) =>
  create(ConfigSourceSchema, {
    resourceApiVersion: ApiVersion.V3,
    initialFetchTimeout: durationOf(fetchTimeoutMs),
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

const identitySource = agentSource(0);

/** The workload's own certificate (`default`) or the roots it trusts (`ROOTCA`), served by its agent. */
export const agentSecret = (name: 'default' | 'ROOTCA') =>
  create(SdsSecretConfigSchema, { name, sdsConfig: identitySource });

/** How long one missing certificate may hold up the other servers of a listener. */
const secretFetchTimeoutMs = 2_000;

/** A certificate, or roots, that the control plane sends. */
export const adsSecret = (name: string) =>
  create(SdsSecretConfigSchema, { name, sdsConfig: adsSource(secretFetchTimeoutMs) });

const filesSource = agentSource(secretFetchTimeoutMs);

/** A certificate, or roots, in files that the agent reads. */
export const agentFiles = (name: string) => create(SdsSecretConfigSchema, { name, sdsConfig: filesSource });

/** A Secret in the proxy's own namespace, whichever that is; its authorities are called `NAME-cacert`. */
export const namespaceSecret = (name: string) => adsSecret(`kubernetes://${name}`);
