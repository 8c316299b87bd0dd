// The HTTP connection manager that a network filter is, decoded; it is a copy, to be packed again.
import { fromBinary } from '@bufbuild/protobuf';
import type { Filter } from '@xebec/protos/envoy/config/listener/v3/listener_components_pb';
import {
  type HttpConnectionManager,
  HttpConnectionManagerSchema,
} from '@xebec/protos/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb';

export function managerIn({ configType }: Filter): HttpConnectionManager | undefined {
  if (configType.case !== 'typedConfig') return undefined;
  const { typeUrl, value } = configType.value;
  return typeUrl.endsWith(`/${HttpConnectionManagerSchema.typeName}`)
    ? fromBinary(HttpConnectionManagerSchema, value)
    : undefined;
}
