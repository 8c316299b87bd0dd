// How bytes travel to a destination: plaintext, mutual TLS of the mesh, or TLS that the proxy originates.
import type {
  ClientTls,
  Destination,
  ServicePort,
  Subset,
  TlsOrigination,
  TrafficPolicy,
} from '@xebec/model';
import type { ClusterSchema } from '@xebec/protos/envoy/config/cluster/v3/cluster_pb';
import type { TransportSocket } from '@xebec/protos/envoy/config/core/v3/base_pb';
import { serverName } from '../names.ts';
import type { Fields } from '../resource.ts';
import { automaticTls, mutualTlsSocket, rawSocket } from './client-tls.ts';
import { httpVersion, meshAlpn } from './http-protocol.ts';
import { behindProxyHeader } from './proxy-protocol.ts';
import { originationSocket } from './tls-origination.ts';

type ClusterInit = Fields<typeof ClusterSchema>;

interface Target {
  readonly destination: Destination;
  readonly port: ServicePort;
  readonly subset?: Subset;
}

export const isOriginated = (tls: ClientTls): tls is TlsOrigination =>
  tls.mode === 'SIMPLE' || tls.mode === 'MUTUAL';

export function encodeTransport(target: Target, policy: TrafficPolicy): ClusterInit {
  const { proxyProtocol } = policy;
  const wrap = (socket: TransportSocket): TransportSocket =>
    proxyProtocol === undefined ? socket : behindProxyHeader(proxyProtocol, socket);
  const plain = proxyProtocol === undefined ? {} : { transportSocket: wrap(rawSocket) };
  switch (policy.tls.mode) {
    case 'DISABLE':
      return plain;
    case 'SIMPLE':
    case 'MUTUAL':
      return { transportSocket: wrap(originate(target, policy, policy.tls)) };
    case 'ISTIO_MUTUAL':
      return { transportSocket: wrap(mutualTlsSocket(meshTls(target, policy))) };
    case 'auto': {
      const { service, identities } = target.destination;
      const mayHaveSidecars = service.location === 'mesh' || identities.length > 0;
      return mayHaveSidecars
        ? { transportSocketMatches: automaticTls(meshTls(target, policy), wrap) }
        : plain;
    }
  }
}

function originate(
  { destination: { service }, port }: Target,
  { connectionPool }: TrafficPolicy,
  tls: TlsOrigination,
): TransportSocket {
  return originationSocket({ tls, service, port, version: httpVersion(port.protocol, connectionPool) });
}

/** A rule may name another server than the one it is for: the way through an egress gateway. */
export function meshTls({ destination, port, subset }: Target, { tls, connectionPool }: TrafficPolicy) {
  const written = tls.mode === 'ISTIO_MUTUAL' ? tls : { subjectAltNames: [] };
  const { subjectAltNames } = written;
  return {
    serverName:
      ('sni' in written ? written.sni : undefined) ??
      serverName(port.number, subset?.name ?? '', destination.service.host),
    identities: subjectAltNames.length > 0 ? subjectAltNames : destination.identities,
    alpn: meshAlpn(httpVersion(port.protocol, connectionPool)),
  };
}
