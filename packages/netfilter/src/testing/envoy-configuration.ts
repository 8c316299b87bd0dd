// The smallest sidecar: 15001 passes on to the original destination, 15006 to the application from 127.0.0.6.

const originalDestinationFilter = {
  name: 'envoy.filters.listener.original_dst',
  typed_config: {
    '@type': 'type.googleapis.com/envoy.extensions.filters.listener.original_dst.v3.OriginalDst',
  },
};

const address = (port: number, host = '0.0.0.0') => ({
  socket_address: { address: host, port_value: port },
});

function listener(name: string, port: number, cluster: string) {
  return {
    name,
    address: address(port),
    traffic_direction: name === 'virtualInbound' ? 'INBOUND' : 'OUTBOUND',
    listener_filters: [originalDestinationFilter],
    filter_chains: [
      {
        filters: [
          {
            name: 'envoy.filters.network.tcp_proxy',
            typed_config: {
              '@type': 'type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy',
              stat_prefix: name,
              cluster,
              access_log: [accessLog(name)],
            },
          },
        ],
      },
    ],
  };
}

/** `virtualInbound to=10.240.0.4:8080 via=127.0.0.6:40000` */
const accessLog = (name: string) => ({
  name: 'envoy.access_loggers.stdout',
  typed_config: {
    '@type': 'type.googleapis.com/envoy.extensions.access_loggers.stream.v3.StdoutAccessLog',
    log_format: {
      text_format_source: {
        inline_string: `${name} to=%DOWNSTREAM_LOCAL_ADDRESS% via=%UPSTREAM_LOCAL_ADDRESS%\n`,
      },
    },
  },
});

const cluster = (name: string, source?: string) => ({
  name,
  type: 'ORIGINAL_DST',
  lb_policy: 'CLUSTER_PROVIDED',
  connect_timeout: '2s',
  ...(source === undefined
    ? {}
    : { upstream_bind_config: { source_address: { address: source, port_value: 0 } } }),
});

/** A bootstrap, as JSON. */
export function sidecarBootstrap(): string {
  return JSON.stringify({
    static_resources: {
      listeners: [
        listener('virtualOutbound', 15001, 'PassthroughCluster'),
        listener('virtualInbound', 15006, 'InboundPassthroughCluster'),
      ],
      clusters: [cluster('PassthroughCluster'), cluster('InboundPassthroughCluster', '127.0.0.6')],
    },
  });
}
