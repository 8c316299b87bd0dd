// What connected proxies ask for, as keys that change only when the first of a kind comes or the last one goes.
import type { Collection, Graph } from '@xebec/flow';
import { isClassLayer, type Layer, namespaceOfLayer, type ProxyNode } from '@xebec/model';
import type { Client } from './clients.ts';
import { httpProxyRoute } from './names.ts';

/**
 * `style:port` and `style:http_proxy`: some sidecar has route configurations of that style; `ipv6`: some takes IPv6;
 * `ns:N`: some sidecar lives in namespace N; `eager:STYLE:N`: one there gets whole route configurations, and
 * `eager:STYLE:class:N/PAIRS` one of a class;
 * `role:grpc`: there is a proxyless gRPC client.
 */
export type DemandKey = string;
export type Demand = Collection<DemandKey, true>;

export type RouteStyle = 'port' | typeof httpProxyRoute;

/** Of an explicit client with listeners that it dials by port, both. */
export const stylesOf = ({ proxy, scope }: Client): readonly RouteStyle[] => {
  const own = styleOf(proxy);
  return own === httpProxyRoute && scope?.dialed.some(({ isHttp }) => isHttp) === true
    ? [own, 'port']
    : [own];
};

export const styleOf = (proxy: ProxyNode): RouteStyle =>
  proxy.capture === 'explicit' ? httpProxyRoute : 'port';

/** What clients have in common as far as demand goes: `ROLE|STYLES|DISCOVERY|FAMILIES|LAYER`, the layer being their narrowest. */
type ClientKind = `${ProxyNode['role']}|${string}|${ProxyNode['discovery']}|${'ipv4' | 'both'}|${Layer}`;

export function buildDemand(graph: Graph, clients: Collection<string, Client>): Demand {
  const byKind = graph.index(clients, 'kinds', (client) => [kindOf(client)]);
  const kinds = graph.derive({
    name: 'clientKinds',
    from: graph.group(byKind),
    fn: (_members, kind) => [[kind, true] as const],
  });
  const byDemand = graph.index(kinds, 'demands', (_true, kind) => demandsOf(kind));
  return graph.derive({
    name: 'demand',
    from: graph.group(byDemand),
    fn: (_members, key: string) => [[key, true] as const],
  });
}

const kindOf = (client: Client): ClientKind => {
  const { proxy, layers } = client;
  const [layer = '*'] = layers;
  const families = proxy.hasIpv6 === true ? 'both' : 'ipv4';
  return `${proxy.role}|${stylesOf(client).join('+')}|${proxy.discovery}|${families}|${layer}`;
};

function demandsOf(kind: ClientKind): readonly DemandKey[] {
  const [role, written = '', discovery, families, ...rest] = kind.split('|');
  if (role === 'grpc') return ['role:grpc'];
  if (role === 'router') return [];
  const layer = rest.join('|') as Layer;
  const namespace = namespaceOfLayer(layer) ?? '';
  const styles = written.split('+');
  const shared = [
    ...styles.map((style) => `style:${style}`),
    `ns:${namespace}`,
    ...(families === 'both' ? ['ipv6'] : []),
  ];
  if (discovery !== 'eager') return shared;
  const owners = isClassLayer(layer) ? [namespace, layer] : [namespace];
  return [...shared, ...styles.flatMap((style) => owners.map((owner) => `eager:${style}:${owner}`))];
}
