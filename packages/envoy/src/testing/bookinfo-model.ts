// A small mesh as model values, for tests of the translators that need no configuration.
import { createGraph } from '@xebec/flow';
import type {
  Destination,
  EndpointSet,
  GatewayModel,
  HeaderPolicy,
  HttpRule,
  Inbound,
  Layered,
  ProxyNode,
  RouteTable,
  Service,
  ServicePort,
  TlsSecret,
} from '@xebec/model';
import { buildResources } from '../build.ts';
import type { HostPort, ProxySettings } from '../inputs.ts';

export const settings: ProxySettings = {
  trustDomain: 'cluster.local',
  clusterDomain: 'cluster.local',
  outboundTrafficPolicy: 'ALLOW_ANY',
  accessLog: { format: 'text' },
};

export const noHeaders: HeaderPolicy = {
  request: { set: {}, add: {}, remove: [] },
  response: { set: {}, add: {}, remove: [] },
};

export function serviceOf(name: string, options: Partial<Service> = {}): Service {
  return {
    host: `${name}.default.svc.cluster.local`,
    name,
    namespace: 'default',
    ports: [{ number: 9080, name: 'http', protocol: 'http' }],
    resolution: 'endpoints',
    addresses: [`10.96.0.${name.length}`],
    location: 'mesh',
    platform: 'kubernetes',
    subjectAltNames: [],
    labels: {},
    causes: [{ object: `Service/default/${name}` }],
    ...options,
  };
}

export function destinationOf(service: Service, options: Partial<Destination> = {}): Destination {
  return {
    layer: '*',
    service,
    policy: { loadBalancer: 'LEAST_REQUEST', connectionPool: {}, tls: 'auto' },
    portPolicies: [],
    subsets: [],
    identities: [`spiffe://cluster.local/ns/default/sa/${service.name}`],
    causes: service.causes,
    ...options,
  };
}

export function endpointsOf(service: Service, port: ServicePort, versions: readonly string[]): EndpointSet {
  return {
    host: service.host,
    port,
    endpoints: versions.map((version, i) => ({
      address: `127.20.0.${i + 1}`,
      port: port.number,
      labels: { app: service.name, version },
      namespace: 'default',
      workload: `${service.name}-${version}`,
      identity: `spiffe://cluster.local/ns/default/sa/${service.name}`,
      network: '',
      weight: 1,
      health: 'healthy',
      tls: 'istio',
      causes: [{ object: `Pod/default/${service.name}-${version}-0` }],
    })),
  };
}

export function ruleOf(service: Service, options: Partial<HttpRule> = {}): HttpRule {
  const cause = { object: `VirtualService/default/${service.name}`, field: 'spec.http[0]' } as const;
  return {
    matches: [],
    action: {
      kind: 'forward',
      destinations: [{ host: service.host, subset: '', port: 9080, weight: 100, headers: noHeaders, cause }],
    },
    timeoutMs: 0,
    mirrors: [],
    headers: noHeaders,
    cause,
    ...options,
  };
}

export function proxyOf(options: Partial<ProxyNode> = {}): ProxyNode {
  return {
    id: 'sidecar~10.244.0.2~productpage-v1-0.default~default.svc.cluster.local',
    role: 'sidecar',
    namespace: 'default',
    name: 'productpage-v1-0',
    serviceAccount: 'bookinfo-productpage',
    address: '10.244.0.2',
    labels: { app: 'productpage' },
    capture: 'transparent',
    applicationAddress: '10.244.0.2',
    discovery: 'on-demand',
    workloadName: 'productpage-v1',
    network: '',
    gatewayPorts: {},
    ...options,
  };
}

/** The translators over sources that a test writes. */
export function meshOf() {
  const graph = createGraph();
  const inputs = {
    settings: graph.source<'mesh', ProxySettings>('settings'),
    proxies: graph.source<string, ProxyNode>('proxies'),
    services: graph.source<Layered<string>, Service>('services'),
    endpointSets: graph.source<Layered<HostPort>, EndpointSet>('endpointSets'),
    destinations: graph.source<Layered<string>, Destination>('destinations'),
    routeTables: graph.source<Layered<string>, RouteTable>('routeTables'),
    inbounds: graph.source<string, Inbound>('inbounds'),
    gateways: graph.source<string, GatewayModel>('gateways'),
    secrets: graph.source<string, TlsSecret>('secrets'),
  };
  const types = buildResources(graph, inputs);
  const addService = (service: Service, versions: readonly string[] = ['v1']): void => {
    inputs.services.set(`*|${service.host}`, service);
    inputs.destinations.set(`*|${service.host}`, destinationOf(service));
    inputs.routeTables.set(`*|${service.host}`, {
      layer: '*',
      host: service.host,
      service,
      rules: [],
      causes: service.causes,
    });
    for (const port of service.ports) {
      inputs.endpointSets.set(`*|${service.host}|${port.number}`, endpointsOf(service, port, versions));
    }
  };
  return { graph, inputs, types, addService };
}
