// Scopes of connected sidecars: what a Sidecar hides is left out where a proxy's layers are read, and made anew only
// where one resource holds several hosts.
import type { Collection, Graph, Index } from '@xebec/flow';
import { isImported, type Layer, type Scope } from '@xebec/model';
import type { Client } from './clients.ts';
import { type RouteStyle, stylesOf } from './demand.ts';
import { scopeName } from './names.ts';
import type { EncodedResource } from './resource.ts';
import { type Taker, takerOf } from './taker.ts';

/** Clients with one scope and the same layers see the same. */
export interface ScopeUse {
  readonly scope: Scope;
  /** Their narrowest layer. */
  readonly layer: Layer;
  readonly taker: Taker;
  readonly styles: readonly RouteStyle[];
}

export interface ScopesInUse {
  readonly uses: Collection<string, ScopeUse>;
  /** Under `STYLE` those that get whole route configurations, under `all` every one. */
  readonly byNeed: Index<RouteStyle | 'all', string, ScopeUse>;
}

export function buildScopes(graph: Graph, clients: Collection<string, Client>): ScopesInUse {
  const byUse = graph.index(clients, 'scopes', (client) => useKeys(client));
  const uses = graph.derive({
    name: 'scopesInUse',
    from: graph.group(byUse),
    reads: { byUse },
    equals: (left: ScopeUse, right: ScopeUse) => left.scope === right.scope,
    fn: (_clients, key: string, read): readonly (readonly [string, ScopeUse])[] => {
      const [, client] = read.byUse.at(key)[0] ?? [];
      if (client?.scope === undefined) return [];
      const { proxy, scope, layers } = client;
      const [layer = '*'] = layers;
      return [[key, { scope, layer, taker: takerOf(proxy), styles: stylesOf(client) }]];
    },
  });
  return {
    uses,
    byNeed: graph.index(uses, 'byNeed', ({ taker, styles }) =>
      taker.startsWith('eager') ? ['all', ...styles] : ['all'],
    ),
  };
}

function useKeys(client: Client): readonly string[] {
  const { proxy, scope, layers } = client;
  if (scope === undefined) return [];
  return [`${takerOf(proxy)} ${stylesOf(client).join('+')} ${scopeName(scope, layers[0] ?? '*')}`];
}

/** Whether a scope sees a resource: one of its owners is imported, or it has none. */
export const isInScope = (scope: Scope, { owners }: Pick<EncodedResource, 'owners'>): boolean =>
  owners === undefined || owners.some((owner) => isImported(scope, owner));
