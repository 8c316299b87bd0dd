// The servers that a router proxy is asked to open: of every Gateway that selects it, with the VirtualServices bound to each.
import type { ObjectOf } from '@xebec/config';
import type { Index } from '@xebec/flow';
import type { ObjectKey, ProxyNode } from '@xebec/model';
import type { Conflict } from './conflict.ts';
import type { BoundConnections } from './connection-rules.ts';
import type { OpenServer } from './gateway-hosts.ts';
import { compareText } from './host-names.ts';
import { anchorsOfLabels, isSelected, type SelectorAnchor } from './label-selectors.ts';
import type { AnchorLookup } from './lookups.ts';
import type { BoundRoute } from './routes.ts';
import { isVisible } from './visibility.ts';

type AnchorLookupOf<I> = I extends Index<infer A, infer K, infer V> ? AnchorLookup<A, K, V> : never;

interface GatewayReads {
  readonly gatewaysBySelector: AnchorLookupOf<Index<SelectorAnchor, ObjectKey, ObjectOf<'Gateway'>>>;
  readonly routesByGateway: AnchorLookupOf<Index<string, ObjectKey, BoundRoute>>;
  readonly connectionsByGateway: AnchorLookupOf<Index<string, ObjectKey, BoundConnections>>;
}

export interface OpenServers {
  readonly servers: readonly OpenServer[];
  /** VirtualServices that are bound, but not for the proxy to see. */
  readonly hidden: readonly Conflict[];
}

export function openServers(
  { labels, namespace }: ProxyNode,
  rootNamespace: string,
  read: GatewayReads,
): OpenServers {
  const hidden: Conflict[] = [];
  const servers = anchorsOfLabels('', labels)
    .flatMap((anchor) => read.gatewaysBySelector.at(anchor))
    .filter(([, { spec }]) => isSelected(spec.selector, labels))
    .sort(byRight([namespace, rootNamespace]))
    .flatMap(([gateway, { metadata, spec }]) => {
      const gatewayName = `${metadata.namespace}/${metadata.name}`;
      const bound = read.routesByGateway.at(gatewayName).map(([, route]) => route);
      const isSeen = ({ layers }: BoundRoute | BoundConnections) => isVisible(layers, `ns:${namespace}`);
      const routes = bound.filter(isSeen);
      for (const route of bound) if (!isSeen(route)) hidden.push(hiddenRoute(route, gatewayName, namespace));
      const connections = read.connectionsByGateway.at(gatewayName).map(([, each]) => each);
      const own = {
        gateway,
        gatewayName,
        namespace: metadata.namespace,
        hasRight: metadata.namespace === namespace || metadata.namespace === rootNamespace,
        routes,
        connections: connections.filter(isSeen),
      };
      return spec.servers.map((server, position): OpenServer => {
        const cause = { object: gateway, field: `spec.servers[${position}]` };
        return { ...own, spec: server, cause };
      });
    });
  return { servers, hidden };
}

/** Where two Gateways want the same, the first of these namespaces has it, then the first by name. */
const byRight =
  (namespaces: readonly string[]) =>
  ([left, { metadata: one }]: SelectedGateway, [right, { metadata: other }]: SelectedGateway): number =>
    rank(namespaces, one.namespace) - rank(namespaces, other.namespace) || compareText(left, right);

const rank = (namespaces: readonly string[], namespace: string): number => {
  const at = namespaces.indexOf(namespace);
  return at < 0 ? namespaces.length : at;
};

type SelectedGateway = readonly [ObjectKey, ObjectOf<'Gateway'>];

const hiddenRoute = (
  { object }: Pick<BoundRoute, 'object'>,
  gatewayName: string,
  namespace: string,
): Conflict => ({
  code: 'gateway-route-not-exported',
  object,
  field: 'spec.exportTo',
  message: `Gateway ${gatewayName} is served by proxies in namespace ${namespace}, to which this is not exported: it does not count there`,
  remedy: `add ${namespace} to exportTo`,
});
