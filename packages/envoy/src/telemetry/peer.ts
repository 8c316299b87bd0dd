// How a sidecar tells the other one which workload it is: one header on mutual TLS hops, gone before the application.

import { create } from '@bufbuild/protobuf';
import { anyOf } from '@xebec/protos';
import {
  HeaderValueOption_HeaderAppendAction,
  HeaderValueOptionSchema,
} from '@xebec/protos/envoy/config/core/v3/base_pb';
import {
  Config_ValueType,
  ConfigSchema,
} from '@xebec/protos/envoy/extensions/filters/http/header_to_metadata/v3/header_to_metadata_pb';
import { HttpFilterSchema } from '@xebec/protos/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb';

export const peerHeader = 'x-xebec-peer';
const peerNamespace = 'xebec.peer';

/** Environment of the proxy process that names its workload; the agent sets it. Unset ones show as `-`. */
export const workloadEnvironment = {
  workload: 'ISTIO_META_WORKLOAD_NAME',
  namespace: 'POD_NAMESPACE',
  app: 'XEBEC_APP',
  version: 'XEBEC_VERSION',
  canonicalService: 'CANONICAL_SERVICE',
  canonicalRevision: 'CANONICAL_REVISION',
} as const;

export type PeerField = keyof typeof workloadEnvironment;
const fields: readonly PeerField[] = [
  'workload',
  'namespace',
  'app',
  'version',
  'canonicalService',
  'canonicalRevision',
];

export const ownField = (field: PeerField): string => `%ENVIRONMENT(${workloadEnvironment[field]})%`;
export const peerField = (field: PeerField): string => `%DYNAMIC_METADATA(${peerNamespace}:${field})%`;

export const peerHeaderToAdd = create(HeaderValueOptionSchema, {
  header: { key: peerHeader, value: fields.map(ownField).join('|') },
  appendAction: HeaderValueOption_HeaderAppendAction.OVERWRITE_IF_EXISTS_OR_ADD,
});

/** Reads the peer's header into dynamic metadata. Only for connections whose peer has proven who it is. */
export const peerFilter = create(HttpFilterSchema, {
  name: 'envoy.filters.http.header_to_metadata',
  configType: {
    case: 'typedConfig',
    value: anyOf(ConfigSchema, {
      requestRules: fields.map((key, position) => ({
        header: peerHeader,
        onHeaderPresent: {
          metadataNamespace: peerNamespace,
          key,
          type: Config_ValueType.STRING,
          regexValueRewrite: {
            pattern: { regex: `^${'[^|]*\\|'.repeat(position)}([^|]*).*$` },
            substitution: '\\1',
          },
        },
      })),
    }),
  },
});
