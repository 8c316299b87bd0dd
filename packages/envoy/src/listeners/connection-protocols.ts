// What stands before a TCP proxy because of what the destination's port is declared to speak.
import type { Protocol } from '@xebec/model';
import { anyOf } from '@xebec/protos';
import type { Filter } from '@xebec/protos/envoy/config/listener/v3/listener_components_pb';
import { FilterStateValue_SharedWithUpstream } from '@xebec/protos/envoy/extensions/filters/common/set_filter_state/v3/value_pb';
import { MongoProxySchema } from '@xebec/protos/envoy/extensions/filters/network/mongo_proxy/v3/mongo_proxy_pb';
import { ConfigSchema } from '@xebec/protos/envoy/extensions/filters/network/set_filter_state/v3/set_filter_state_pb';
import { networkFilter } from './addresses.ts';

/**
 * The cluster of a port that does not say what it speaks announces HTTP to the server's sidecar. A connection that is
 * none says so instead, and the server's sidecar passes it on at once, so that its application may speak first.
 */
const noHttp = networkFilter(
  'envoy.filters.network.set_filter_state',
  anyOf(ConfigSchema, {
    onNewConnection: [
      {
        key: { case: 'objectKey', value: 'envoy.network.application_protocols' },
        value: {
          case: 'formatString',
          value: {
            format: {
              case: 'textFormatSource',
              value: { specifier: { case: 'inlineString', value: 'istio' } },
            },
          },
        },
        sharedWithUpstream: FilterStateValue_SharedWithUpstream.ONCE,
      },
    ],
  }),
);

/** Counts operations, replies and their sizes (`mongo.PREFIX.*`). It only listens: what it cannot read passes all the same. */
const mongo = (statPrefix: string): Filter =>
  networkFilter('envoy.filters.network.mongo_proxy', anyOf(MongoProxySchema, { statPrefix }));

export function clientFilters(protocol: Protocol, statPrefix: string): readonly Filter[] {
  if (protocol === 'auto') return [noHttp];
  return serverFilters(protocol, statPrefix);
}

export function serverFilters(protocol: Protocol, statPrefix: string): readonly Filter[] {
  return protocol === 'mongo' ? [mongo(statPrefix)] : [];
}
