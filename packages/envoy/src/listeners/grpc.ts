// Listeners and routes for proxyless gRPC clients, which ask by `host:port`.
import type { Destination, HttpRule, RouteTable, ServicePort } from '@xebec/model';
import { anyOf } from '@xebec/protos';
import { ListenerSchema } from '@xebec/protos/envoy/config/listener/v3/listener_pb';
import { RouteConfigurationSchema } from '@xebec/protos/envoy/config/route/v3/route_pb';
import { HTTPFaultSchema } from '@xebec/protos/envoy/extensions/filters/http/fault/v3/fault_pb';
import { RouterSchema } from '@xebec/protos/envoy/extensions/filters/http/router/v3/router_pb';
import { HttpConnectionManagerSchema } from '@xebec/protos/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb';
import { adsSource } from '../config-source.ts';
import { outboundCluster } from '../names.ts';
import { type EncodedResource, encodeResource, typeUrls } from '../resource.ts';
import { faultFilter } from '../routes/filter-overrides.ts';
import { encodeRules } from '../routes/http-routes.ts';
import { meshPoint } from '../routes/request-point.ts';

/** `outbound|PORT||HOST`, as Istio names the routes of proxyless clients. */
const routeName = (port: number, host: string): string => outboundCluster(port, '', host);

export function encodeGrpcListener(destination: Destination, port: ServicePort): EncodedResource {
  const { host, causes } = destination.service;
  const name = `${host}:${port.number}`;
  const manager = anyOf(HttpConnectionManagerSchema, {
    statPrefix: name,
    routeSpecifier: {
      case: 'rds',
      value: { routeConfigName: routeName(port.number, host), configSource: adsSource() },
    },
    httpFilters: [
      { name: faultFilter, configType: { case: 'typedConfig', value: anyOf(HTTPFaultSchema, {}) } },
      {
        name: 'envoy.filters.http.router',
        configType: { case: 'typedConfig', value: anyOf(RouterSchema, {}) },
      },
    ],
  });
  return encodeResource(
    ListenerSchema,
    { name, apiListener: { apiListener: manager } },
    { name, causes, needs: [{ typeUrl: typeUrls.route, name: routeName(port.number, host) }] },
  );
}

/**
 * gRPC clients refuse a table with an answer or a redirect in it. The status such a rule would give is injected
 * instead, so that calls fail as they would behind a proxy.
 */
function forwarding(rule: HttpRule, host: string, port: number): HttpRule {
  const { action, cause } = rule;
  if (action.kind === 'forward') return rule;
  const own = { host, subset: '', port, weight: 1, headers: rule.headers, cause };
  return {
    ...rule,
    action: { kind: 'forward', destinations: [own] },
    fault: { at: 'client', abort: { httpStatus: action.status, percent: 100 } },
  };
}

export function encodeGrpcRoutes(table: RouteTable, port: number): EncodedResource {
  const { host, causes } = table;
  const name = routeName(port, host);
  const own = outboundCluster(port, '', host);
  const rules = table.rules.map((rule) => forwarding(rule, host, port));
  const encoded = encodeRules(rules, host, { ...meshPoint(port), client: 'grpc' });
  const isDefault = encoded.routes.length === 0;
  const routes = isDefault
    ? [
        {
          match: { pathSpecifier: { case: 'prefix' as const, value: '' } },
          action: {
            case: 'route' as const,
            value: { clusterSpecifier: { case: 'cluster' as const, value: own } },
          },
        },
      ]
    : encoded.routes;
  return encodeResource(
    RouteConfigurationSchema,
    { name, virtualHosts: [{ name: `${host}:${port}`, domains: [`${host}:${port}`, host, '*'], routes }] },
    {
      name,
      causes,
      needs: (isDefault ? [own] : encoded.clusters).map((cluster) => ({
        typeUrl: typeUrls.cluster,
        name: cluster,
      })),
    },
  );
}
