// The smallest pair of Envoys that does mutual TLS: one listener, one route, one cluster each, and nothing else.

import { adminAt } from '../envoys/bootstrap.ts';
import type { Identity } from '../envoys/identities.ts';

type Json = Readonly<Record<string, unknown>>;

export interface Hop {
  readonly listen: { readonly address: string; readonly port: number };
  readonly next: { readonly address: string; readonly port: number };
}

const inline = (text: string): Json => ({ inline_string: text });

const tlsContext = ({ certificatesPem, privateKeyPem, rootsPem }: Identity): Json => ({
  tls_certificates: [{ certificate_chain: inline(certificatesPem), private_key: inline(privateKeyPem) }],
  validation_context: {
    trusted_ca: inline(rootsPem),
    match_typed_subject_alt_names: [{ san_type: 'URI', matcher: { prefix: 'spiffe://cluster.local/' } }],
  },
});

const tlsSocket = (side: 'Upstream' | 'Downstream', context: Json): Json => ({
  name: 'envoy.transport_sockets.tls',
  typed_config: {
    '@type': `type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.${side}TlsContext`,
    ...context,
  },
});

const socketAddress = ({ address, port }: Hop['listen']): Json => ({
  socket_address: { address, port_value: port },
});

const manager: Json = {
  '@type':
    'type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager',
  stat_prefix: 'bare',
  route_config: {
    virtual_hosts: [
      { name: 'all', domains: ['*'], routes: [{ match: { prefix: '/' }, route: { cluster: 'next' } }] },
    ],
  },
  http_filters: [
    {
      name: 'envoy.filters.http.router',
      typed_config: { '@type': 'type.googleapis.com/envoy.extensions.filters.http.router.v3.Router' },
    },
  ],
};

/** Which side of the hop is encrypted: the client's proxy encrypts what it sends, the server's what it takes. */
export function encodeBareProxy(
  hop: Hop,
  options: { readonly side: 'client' | 'server'; readonly identity: Identity; readonly adminSocket: string },
): string {
  const context = { common_tls_context: tlsContext(options.identity) };
  const isClient = options.side === 'client';
  const upstream = isClient ? { transport_socket: tlsSocket('Upstream', context) } : {};
  const downstream = isClient
    ? {}
    : { transport_socket: tlsSocket('Downstream', { ...context, require_client_certificate: true }) };
  return JSON.stringify({
    admin: adminAt(options.adminSocket),
    static_resources: {
      listeners: [
        {
          name: `bare_${options.side}`,
          address: socketAddress(hop.listen),
          filter_chains: [
            {
              filters: [{ name: 'envoy.filters.network.http_connection_manager', typed_config: manager }],
              ...downstream,
            },
          ],
        },
      ],
      clusters: [
        {
          name: 'next',
          type: 'STATIC',
          connect_timeout: '1s',
          ...upstream,
          load_assignment: {
            cluster_name: 'next',
            endpoints: [{ lb_endpoints: [{ endpoint: { address: socketAddress(hop.next) } }] }],
          },
        },
      ],
    },
  });
}
