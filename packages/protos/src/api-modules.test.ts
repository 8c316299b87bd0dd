// The modules the product stands on exist under the paths it imports, with the names it uses.
import type { DescFile } from '@bufbuild/protobuf';
import { expect, test } from 'vitest';

const modules: Readonly<Record<string, readonly string[]>> = {
  'envoy/config/listener/v3/listener': ['ListenerSchema'],
  'envoy/config/route/v3/route': ['RouteConfigurationSchema'],
  'envoy/config/route/v3/route_components': ['VirtualHostSchema'],
  'envoy/config/route/v3/scoped_route': ['ScopedRouteConfigurationSchema'],
  'envoy/config/cluster/v3/cluster': ['ClusterSchema'],
  'envoy/config/endpoint/v3/endpoint': ['ClusterLoadAssignmentSchema'],
  'envoy/config/bootstrap/v3/bootstrap': ['BootstrapSchema'],
  'envoy/service/discovery/v3/ads': ['AggregatedDiscoveryService'],
  'envoy/service/discovery/v3/discovery': ['DeltaDiscoveryRequestSchema', 'DiscoveryRequestSchema'],
  'envoy/service/secret/v3/sds': ['SecretDiscoveryService'],
  'envoy/service/auth/v3/external_auth': ['Authorization'],
  'envoy/service/ratelimit/v3/rls': ['RateLimitService'],
  'envoy/service/accesslog/v3/als': ['AccessLogService'],
  'envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager': [
    'HttpConnectionManagerSchema',
  ],
  'envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy': ['TcpProxySchema'],
  'envoy/extensions/filters/http/on_demand/v3/on_demand': ['OnDemandSchema'],
  'envoy/extensions/filters/http/rbac/v3/rbac': ['RBACSchema'],
  'envoy/extensions/filters/http/jwt_authn/v3/config': ['JwtAuthenticationSchema'],
  'envoy/extensions/filters/udp/dns_filter/v3/dns_filter': ['DnsFilterConfigSchema'],
  'envoy/extensions/transport_sockets/tls/v3/tls': ['DownstreamTlsContextSchema', 'UpstreamTlsContextSchema'],
  'envoy/extensions/transport_sockets/tls/v3/secret': ['SecretSchema'],
  'envoy/extensions/access_loggers/stats/v3/stats': ['ConfigSchema'],
  'opentelemetry/proto/collector/trace/v1/trace_service': ['TraceService'],
  'grpc/health/v1/health': ['Health'],
  'istio/v1/auth/ca': ['IstioCertificateService', 'IstioCertificateRequestSchema'],
  'istio/networking/nds/v1/nds': ['NameTableSchema'],
  'istio/mixer/v1/mixer': ['Mixer', 'CheckRequestSchema', 'ReportRequestSchema'],
  'istio/mixer/template/metric': ['HandleMetricService', 'InstanceMsgSchema'],
  'istio/mixer/template/quota': ['HandleQuotaService'],
  'istio/mixer/adapter/model/v1beta1/infrastructure_backend': ['InfrastructureBackend'],
  'xebec/policy/v1/policy': ['Policy'],
  'envoy/service/rate_limit_quota/v3/rlqs': ['RateLimitQuotaService'],
  'opentelemetry/proto/collector/logs/v1/logs_service': ['LogsService'],
};

test.each(Object.entries(modules))('%s', async (path, names) => {
  const loaded: Readonly<Record<string, unknown>> = await import(
    /* @vite-ignore */ `@xebec/protos/${path}_pb`
  );
  expect(Object.keys(loaded)).toEqual(expect.arrayContaining([...names]));
  const file = loaded[`file_${path.replaceAll(/[/.-]/g, '_')}`] as DescFile;
  expect(file.name).toBe(path);
});
