// The smallest real Envoy resources that carry a request on demand.
import { create, type DescMessage, type MessageInitShape } from '@bufbuild/protobuf';
import { anyOf, encode } from '@xebec/protos';
import { ClusterSchema } from '@xebec/protos/envoy/config/cluster/v3/cluster_pb';
import {
  ApiVersion,
  type ConfigSource,
  ConfigSourceSchema,
} from '@xebec/protos/envoy/config/core/v3/config_source_pb';
import { ClusterLoadAssignmentSchema } from '@xebec/protos/envoy/config/endpoint/v3/endpoint_pb';
import { ListenerSchema } from '@xebec/protos/envoy/config/listener/v3/listener_pb';
import { VirtualHostSchema } from '@xebec/protos/envoy/config/route/v3/route_components_pb';
import { RouteConfigurationSchema } from '@xebec/protos/envoy/config/route/v3/route_pb';
import { OnDemandSchema } from '@xebec/protos/envoy/extensions/filters/http/on_demand/v3/on_demand_pb';
import { RouterSchema } from '@xebec/protos/envoy/extensions/filters/http/router/v3/router_pb';
import { HttpConnectionManagerSchema } from '@xebec/protos/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb';
import { hashBytes } from '@xebec/std';
import { CLUSTER, ENDPOINTS, ROUTE } from '../roles.ts';
import type { EncodedResource } from '../types.ts';
import { reference } from './resources.ts';

function encoded<D extends DescMessage>(
  schema: D,
  name: string,
  init: MessageInitShape<D>,
  more: Partial<EncodedResource> = {},
): EncodedResource {
  const bytes = encode(schema, create(schema, init));
  return {
    name,
    hash: hashBytes(bytes),
    chunks: [bytes],
    aliases: [],
    needs: [],
    causes: [`Test/${name}`],
    ...more,
  };
}

const seconds = (value: number) => ({ seconds: BigInt(value), nanos: 0 });

const ads = (): ConfigSource =>
  create(ConfigSourceSchema, {
    configSourceSpecifier: { case: 'ads', value: {} },
    resourceApiVersion: ApiVersion.V3,
    initialFetchTimeout: seconds(15),
  });

export const envoyCluster = (name: string, connectMs = 1_000): EncodedResource =>
  encoded(
    ClusterSchema,
    name,
    {
      name,
      clusterDiscoveryType: { case: 'type', value: 3 },
      edsClusterConfig: { edsConfig: ads() },
      connectTimeout: {
        seconds: BigInt(Math.floor(connectMs / 1_000)),
        nanos: (connectMs % 1_000) * 1_000_000,
      },
    },
    { needs: [reference(ENDPOINTS, name)] },
  );

export const envoyEndpoints = (name: string, ports: readonly number[]): EncodedResource =>
  encoded(ClusterLoadAssignmentSchema, name, {
    clusterName: name,
    endpoints: [
      {
        lbEndpoints: ports.map((port) => ({
          hostIdentifier: {
            case: 'endpoint' as const,
            value: {
              address: {
                address: {
                  case: 'socketAddress' as const,
                  value: { address: '127.0.0.1', portSpecifier: { case: 'portValue' as const, value: port } },
                },
              },
            },
          },
        })),
      },
    ],
  });

/** A virtual host `80/HOST` that sends everything to one cluster. */
export const envoyVirtualHost = (
  host: string,
  cluster: string,
  domains: readonly string[] = [host],
): EncodedResource =>
  encoded(
    VirtualHostSchema,
    `80/${host}`,
    {
      name: `80/${host}`,
      domains: [...domains],
      routes: [
        {
          match: { pathSpecifier: { case: 'prefix', value: '/' } },
          action: { case: 'route', value: { clusterSpecifier: { case: 'cluster', value: cluster } } },
        },
      ],
    },
    { aliases: domains.map((domain) => `80/${domain}`), needs: [reference(CLUSTER, cluster)] },
  );

/** A route configuration whose virtual hosts come one by one; `header` makes versions of it. */
export const envoyRoutes = (name: string, header = '1'): EncodedResource =>
  encoded(RouteConfigurationSchema, name, {
    name,
    vhds: { configSource: ads() },
    validateClusters: false,
    ignorePortInHostMatching: true,
    responseHeadersToAdd: [{ header: { key: 'x-version', value: header } }],
  });

/** A route configuration with its virtual host in it, as ordinary clients get it. */
export const envoyWholeRoutes = (name: string, host: string, cluster: string): EncodedResource =>
  encoded(
    RouteConfigurationSchema,
    name,
    {
      name,
      validateClusters: false,
      virtualHosts: [
        {
          name: host,
          domains: [host],
          routes: [
            {
              match: { pathSpecifier: { case: 'prefix', value: '/' } },
              action: { case: 'route', value: { clusterSpecifier: { case: 'cluster', value: cluster } } },
            },
          ],
        },
      ],
    },
    { needs: [reference(CLUSTER, cluster)] },
  );

export const envoyListener = (name: string, port: number): EncodedResource =>
  encoded(
    ListenerSchema,
    name,
    {
      name,
      address: {
        address: {
          case: 'socketAddress',
          value: { address: '127.0.0.1', portSpecifier: { case: 'portValue', value: port } },
        },
      },
      filterChains: [
        {
          filters: [
            {
              name: 'envoy.filters.network.http_connection_manager',
              configType: {
                case: 'typedConfig',
                value: anyOf(HttpConnectionManagerSchema, {
                  statPrefix: name,
                  routeSpecifier: { case: 'rds', value: { routeConfigName: '80', configSource: ads() } },
                  httpFilters: [
                    {
                      name: 'envoy.filters.http.on_demand',
                      configType: {
                        case: 'typedConfig',
                        value: anyOf(OnDemandSchema, { odcds: { source: ads(), timeout: seconds(5) } }),
                      },
                    },
                    {
                      name: 'envoy.filters.http.router',
                      configType: { case: 'typedConfig', value: anyOf(RouterSchema, {}) },
                    },
                  ],
                }),
              },
            },
          ],
        },
      ],
    },
    { needs: [reference(ROUTE, '80')] },
  );
