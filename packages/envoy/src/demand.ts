// What connected proxies ask for, as keys that change only when the first of a kind comes or the last one goes.
import type { Collection, Graph } from '@xebec/flow';
import type { ProxyNode } from '@xebec/model';
import { httpProxyRoute } from './names.ts';

/**
 * `style:port` and `style:http_proxy`: some sidecar has route configurations of that style;
 * `ns:N`: some sidecar lives in namespace N; `eager:STYLE:N`: one there gets whole route configurations;
 * `role:grpc`: there is a proxyless gRPC client.
 */
export type DemandKey = string;
export type Demand = Collection<DemandKey, true>;

export type RouteStyle = 'port' | typeof httpProxyRoute;

export const styleOf = (proxy: ProxyNode): RouteStyle =>
  proxy.capture === 'explicit' ? httpProxyRoute : 'port';

export function buildDemand(graph: Graph, proxies: Collection<string, ProxyNode>): Demand {
  const byDemand = graph.index(proxies, 'demands', demandsOf);
  return graph.derive({
    name: 'demand',
    from: graph.group(byDemand),
    fn: (_members, key: string) => [[key, true] as const],
  });
}

function demandsOf(proxy: ProxyNode): readonly DemandKey[] {
  switch (proxy.role) {
    case 'grpc':
      return ['role:grpc'];
    case 'router':
      return [];
    case 'sidecar': {
      const style = styleOf(proxy);
      const shared = [`style:${style}`, `ns:${proxy.namespace}`];
      return proxy.discovery === 'eager' ? [...shared, `eager:${style}:${proxy.namespace}`] : shared;
    }
  }
}
