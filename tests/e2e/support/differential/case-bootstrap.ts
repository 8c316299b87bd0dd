// The configuration of an Envoy that enforces the policies of many cases: each HTTP case is a route, each TCP case a port.

import { create, fromBinary, fromJson } from '@bufbuild/protobuf';
import type { PathNormalization } from '@xebec/config';
import type { Authorization } from '@xebec/model';
import { anyOf } from '@xebec/protos';
import { BootstrapSchema, LayeredRuntimeSchema } from '@xebec/protos/envoy/config/bootstrap/v3/bootstrap_pb';
import { Cluster_DiscoveryType, ClusterSchema } from '@xebec/protos/envoy/config/cluster/v3/cluster_pb';
import { TransportSocketSchema } from '@xebec/protos/envoy/config/core/v3/base_pb';
import type { Filter } from '@xebec/protos/envoy/config/listener/v3/listener_components_pb';
import { ListenerSchema } from '@xebec/protos/envoy/config/listener/v3/listener_pb';
import {
  HttpConnectionManagerSchema,
  LocalReplyConfigSchema,
} from '@xebec/protos/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb';
import { DownstreamTlsContextSchema } from '@xebec/protos/envoy/extensions/transport_sockets/tls/v3/tls_pb';
import { proxyRuntime } from '../../../../apps/agent/src/bootstrap/bootstrap.ts';
import { tokenFilters } from '../../../../packages/envoy/src/authentication/token-filters.ts';
import { authorizeConnection } from '../../../../packages/envoy/src/authorization/connections.ts';
import {
  networkFilter,
  patientLimit,
  socketAddress,
  tlsInspector,
} from '../../../../packages/envoy/src/listeners/addresses.ts';
import { httpConnectionManager } from '../../../../packages/envoy/src/listeners/http-connection.ts';
import { tcpProxy } from '../../../../packages/envoy/src/listeners/tcp-proxy.ts';
import { blackHoleCluster, outboundCluster } from '../../../../packages/envoy/src/names.ts';
import { allFilters, overridesOf } from './case-filters.ts';
import {
  caseHeader,
  type EnvoyOptions,
  firstTcpPort,
  httpPorts,
  type ServerCredentials,
} from './case-options.ts';
import { judgeHost, judgePort } from './judge.ts';
import { inline, noteLog } from './notes.ts';
import { trustDomain } from './words.ts';

const settings = {
  trustDomain,
  clusterDomain: 'cluster.local',
  rootNamespace: 'istio-system',
  outboundTrafficPolicy: 'ALLOW_ANY',
  accessLog: { format: 'none' },
} as const;

const seen = {
  'x-seen-details': '%RESPONSE_CODE_DETAILS%',
  'x-seen-path': '%REQ(:PATH)%',
  'x-seen-host': '%REQ(:AUTHORITY)%',
};

function managerOf(
  { http: cases, authentication }: EnvoyOptions,
  paths: PathNormalization,
  isMutual: boolean,
): Filter {
  const filter = httpConnectionManager({
    statPrefix: 'differential',
    routes: {
      kind: 'inline',
      config: {
        virtualHosts: [
          {
            name: 'cases',
            domains: ['*'],
            routes: cases.map((authorization, index) => ({
              match: {
                pathSpecifier: { case: 'prefix' as const, value: '/' },
                headers: [
                  {
                    name: caseHeader,
                    headerMatchSpecifier: {
                      case: 'stringMatch' as const,
                      value: { matchPattern: { case: 'exact' as const, value: String(index) } },
                    },
                  },
                ],
              },
              action: { case: 'directResponse' as const, value: { status: 200 } },
              typedPerFilterConfig: overridesOf(authorization),
            })),
          },
        ],
      },
    },
    accessLog: [noteLog],
    place: isMutual ? 'sidecar-inbound-mutual' : 'sidecar-inbound-plain',
    isOnDemand: false,
    paths,
    authentication: tokenFilters(authentication),
    authorization: allFilters(cases),
  });
  if (filter.configType.case !== 'typedConfig') throw new Error('the manager has no configuration');
  const manager = fromBinary(HttpConnectionManagerSchema, filter.configType.value.value);
  return networkFilter(
    filter.name,
    anyOf(HttpConnectionManagerSchema, {
      ...manager,
      localReplyConfig: create(LocalReplyConfigSchema, {
        mappers: [
          {
            filter: { filterSpecifier: { case: 'notHealthCheckFilter', value: {} } },
            headersToAdd: Object.entries(seen).map(([key, value]) => ({ header: { key, value } })),
          },
        ],
      }),
    }),
  );
}

const mutualTls = ({ certificatePem, privateKeyPem, rootPem }: ServerCredentials) =>
  create(TransportSocketSchema, {
    name: 'envoy.transport_sockets.tls',
    configType: {
      case: 'typedConfig',
      value: anyOf(DownstreamTlsContextSchema, {
        requireClientCertificate: true,
        commonTlsContext: {
          tlsCertificates: [{ certificateChain: inline(certificatePem), privateKey: inline(privateKeyPem) }],
          validationContextType: {
            case: 'validationContext',
            value: { trustedCa: inline(rootPem) },
          },
        },
      }),
    },
  });

interface ListenerOptions {
  readonly port: number;
  readonly filters: (isMutual: boolean) => readonly Filter[];
}

const listenerOf = ({ address, credentials }: EnvoyOptions, { port, filters }: ListenerOptions) =>
  create(ListenerSchema, {
    name: `port-${port}`,
    address: socketAddress(address, port),
    listenerFilters: [tlsInspector],
    ...patientLimit,
    filterChains: [true, false].map((isMutual) => ({
      name: isMutual ? 'mutual' : 'plain',
      filterChainMatch: { transportProtocol: isMutual ? 'tls' : 'raw_buffer' },
      filters: [...filters(isMutual)],
      ...(isMutual ? { transportSocket: mutualTls(credentials) } : {}),
    })),
  });

/** Half of the cases are decided as proxies of the mesh decide them, half as others do. */
function connectionFilters(
  authorization: Authorization,
  index: number,
  isMutual: boolean,
): readonly Filter[] {
  const { filters, ...authorized } = authorizeConnection(authorization, {
    settings,
    proxy: index % 2 === 0 ? { choosesAfterHandshake: true } : {},
    peer: isMutual ? 'mesh' : 'unproven',
    cluster: 'upstream',
  });
  return [
    ...filters,
    tcpProxy({
      statPrefix: 'differential',
      cluster: 'upstream',
      metrics: [],
      isMutualTls: isMutual,
      ...authorized,
    }),
  ];
}

const clusterAt = (name: string, address: string, port: number) =>
  create(ClusterSchema, {
    name,
    clusterDiscoveryType: { case: 'type', value: Cluster_DiscoveryType.STATIC },
    loadAssignment: {
      clusterName: name,
      endpoints: [
        {
          lbEndpoints: [
            { hostIdentifier: { case: 'endpoint', value: { address: socketAddress(address, port) } } },
          ],
        },
      ],
    },
  });

export function bootstrapOf(options: EnvoyOptions) {
  const { address, port } = options.upstream;
  const listeners = [
    ...httpPorts.map(
      ([number, paths]): ListenerOptions => ({
        port: number,
        filters: (isMutual) => [managerOf(options, paths, isMutual)],
      }),
    ),
    ...options.tcp.map(
      (authorization, index): ListenerOptions => ({
        port: firstTcpPort + index,
        filters: (isMutual) => connectionFilters(authorization, index, isMutual),
      }),
    ),
  ];
  return create(BootstrapSchema, {
    node: { id: 'differential', cluster: 'differential' },
    layeredRuntime: fromJson(LayeredRuntimeSchema, JSON.parse(JSON.stringify(proxyRuntime))),
    staticResources: {
      listeners: listeners.map((each) => listenerOf(options, each)),
      clusters: [
        clusterAt('upstream', address, port),
        clusterAt(outboundCluster(judgePort, '', judgeHost), '127.0.0.1', options.judgePort),
        create(ClusterSchema, {
          name: blackHoleCluster,
          clusterDiscoveryType: { case: 'type', value: Cluster_DiscoveryType.STATIC },
        }),
      ],
    },
  });
}
