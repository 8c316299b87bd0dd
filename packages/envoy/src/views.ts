// Which layers a proxy sees, by type: everything in them for ordinary clients, what they use for on-demand ones.
import type { Collection, Graph } from '@xebec/flow';
import type { ClassLayer, Layer, ProxyNode, Scope } from '@xebec/model';
import { isClassLayer, isImported } from '@xebec/model';
import type { Client } from './clients.ts';
import { styleOf } from './demand.ts';
import type { Place } from './endpoints/place.ts';
import { extensionLayer, meshExtensionLayer } from './extensions/names.ts';
import type { ProxySettings } from './inputs.ts';
import { httpProxyRoute, scopeName } from './names.ts';
import { patchedView } from './patches/patched-view.ts';
import { type Places, placeLayer, placesWithin } from './places.ts';
import { typeUrls } from './resource.ts';
import { eagerRoutes, onDemandRoutes } from './routes/outbound-routes.ts';
import { type Taker, takerOf } from './taker.ts';

/** The shape that the xDS server takes; see `@xebec/xds`. */
export interface LayerUse {
  readonly layer: string;
  readonly members: 'all' | 'needed';
  /** Absent: every resource of the layer is seen. */
  readonly shows?: { readonly key: string; includes(owner: string): boolean };
}

export interface ProxyView {
  readonly layers: Readonly<Record<string, readonly LayerUse[]>>;
  readonly onDemand: boolean;
  /** How requests to hosts that do not exist are answered on demand; absent: 404. */
  readonly unknownHosts?: ProxySettings['outboundTrafficPolicy'];
}

type OutboundPolicy = ProxySettings['outboundTrafficPolicy'];

export const baseLayer = 'base';
export const grpcLayer = (layer: Layer): string => `grpc:${layer}`;
export const proxyLayer = (id: string): string => `proxy:${id}`;
export const secretLayer = (namespace: string): string => `secrets:${namespace}`;
/** What rules for a class of sidecars let them present and trust. */
export const classSecretLayer = (layer: ClassLayer): string => `secrets:${layer}`;
/** What is different for sidecars that also take IPv6. */
export const ipv6BaseLayer = 'base:ipv6';
/** Outbound listeners of redirected traffic; with a policy those that differ under it. */
export const outboundLayer = (taker: Taker, policy?: OutboundPolicy): string =>
  policy === undefined ? `outbound:${taker}` : `outbound:${taker}:${policy}`;
/** Listeners at addresses of services, which no proxy can ask for by name. */
export const addressLayer = (taker: Taker, layer: Layer): string => `addresses:${taker}:${layer}`;
/** Listeners that are for clients with one scope and the same layers. */
export const scopeLayer = (taker: Taker, scope: Scope, layer: Layer): string =>
  `addresses:${taker}:${scopeName(scope, layer)}`;

/** Clusters and internal listeners behind CONNECT, for clients of the HTTP proxy. */
export const connectLayer = (discovery: ProxyNode['discovery'], layer: Layer): string =>
  `connect:${discovery}:${layer}`;

/** Equal lists are one object: the xDS server shares what it computes between streams with the same list. */
const internedLimit = 10_000;
const interned = new Map<string, readonly LayerUse[]>();

function uses(...list: readonly LayerUse[]): readonly LayerUse[] {
  const key = list.map(({ layer, members, shows }) => `${layer} ${members} ${shows?.key ?? ''}`).join();
  if (list.some(({ layer }) => layer.startsWith('proxy:'))) return list;
  const known = interned.get(key) ?? list;
  if (interned.size > internedLimit) interned.clear();
  interned.set(key, known);
  return known;
}

const all = (...layers: readonly string[]): readonly LayerUse[] =>
  uses(...layers.map((layer) => ({ layer, members: 'all' as const })));
const needed = (...layers: readonly string[]): readonly LayerUse[] =>
  uses(...layers.map((layer) => ({ layer, members: 'needed' as const })));

export interface ViewSources {
  readonly places: Places;
  readonly settings: Collection<'mesh', ProxySettings>;
}

/** What each client sees; it changes with the client's layers. */
export function buildViews(
  graph: Graph,
  clients: Collection<string, Client>,
  { places: { byClient: places }, settings }: ViewSources,
): Collection<string, ProxyView> {
  return graph.derive({
    name: 'views',
    from: clients,
    reads: { places, settings },
    fn: (client, id: string, read) => {
      const mesh = read.settings.get('mesh')?.outboundTrafficPolicy ?? 'ALLOW_ANY';
      const policy = client.scope?.outboundMode ?? mesh;
      return [[id, viewOf({ ...client, place: read.places.get(id) }, policy)] as const];
    },
    equals: (left, right) => JSON.stringify(left) === JSON.stringify(right),
  });
}

export interface PlacedClient extends Client {
  readonly place: Place | undefined;
}

/** What depends on the place of a client comes before what is for everybody. */
const placedLayers = ({ layers, place }: PlacedClient): readonly string[] =>
  place === undefined
    ? layers
    : layers.flatMap((layer) => [...placesWithin(place).map((each) => placeLayer(layer, each)), layer]);

function viewOf(client: PlacedClient, policy: OutboundPolicy): ProxyView {
  const view = { ...unpatchedView(client), ...answerToUnknown(client, policy) };
  return client.patches === undefined ? view : patchedView(view, client.patches);
}

/** What the client would see without patches. */
export function unpatchedView(client: PlacedClient): ProxyView {
  switch (client.proxy.role) {
    case 'sidecar':
      return sidecarView(client);
    case 'router':
      return routerView(client);
    case 'grpc':
      return grpcView(client);
  }
}

/** An HTTP proxy does not know where an unknown host is: only redirected traffic has an address to pass on to. */
function answerToUnknown({ proxy }: Client, policy: OutboundPolicy): Pick<ProxyView, 'unknownHosts'> {
  if (proxy.role !== 'sidecar' || proxy.discovery !== 'on-demand') return {};
  const isKnown = policy === 'REGISTRY_ONLY' || styleOf(proxy) === 'port';
  return isKnown ? { unknownHosts: policy } : {};
}

function sidecarView(client: PlacedClient): ProxyView {
  const { proxy, layers: shared } = client;
  const placed = placedLayers(client);
  const own = proxyLayer(proxy.id);
  const onDemand = proxy.discovery === 'on-demand';
  // What a scope shows is little, and what is behind it comes along: rules may lead to hosts that it does not show.
  const use = onDemand || client.scope?.hosts !== undefined ? needed : all;
  const captured = styleOf(proxy) === 'port' ? redirected(client) : [];
  const connects =
    styleOf(proxy) === httpProxyRoute
      ? use(...shared.map((layer) => connectLayer(proxy.discovery, layer)))
      : [];
  return {
    onDemand,
    layers: {
      [typeUrls.listener]: [...all(own), ...dialed(client), ...captured, ...connects],
      [typeUrls.route]: onDemand ? all(onDemandRoutes) : all(...wholeTables(client)),
      [typeUrls.virtualHost]: onDemand ? scoped(client, needed(...shared)) : [],
      [typeUrls.cluster]: [...all(own, ...baseLayers(proxy)), ...use(...placed), ...connects],
      [typeUrls.endpoint]: use(...placed),
      [typeUrls.secret]: secretsFor(proxy, ...shared.filter(isClassLayer).map(classSecretLayer)),
      [typeUrls.extension]: extensionsFor(proxy),
    },
  };
}

const baseLayers = ({ hasIpv6 }: ProxyNode): readonly string[] =>
  hasIpv6 === true ? [ipv6BaseLayer, baseLayer] : [baseLayer];

/** Of listeners for all addresses there is one for both families; the others are the same for everybody. */
const addressLayers = (proxy: ProxyNode, layer: Layer): readonly string[] =>
  [...new Set([takerOf(proxy), proxy.discovery])].map((taker) => addressLayer(taker, layer));
/** Listeners of redirected traffic. */
function redirected(client: PlacedClient): readonly LayerUse[] {
  const { proxy, layers, scope } = client;
  const taker = takerOf(proxy);
  return [
    // A port that some host is reached at by name or block has its listener there, with HTTP and the rest in it.
    ...scoped(client, all(...layers.flatMap((layer) => addressLayers(proxy, layer)))),
    ...(scope?.outboundMode === undefined ? [] : all(outboundLayer(taker, scope.outboundMode))),
    ...all(outboundLayer(taker)),
  ];
}

/** Those that are made for the client's scope: that it dials, or that hold less than everybody's. */
const dialed = ({ proxy, layers, scope }: PlacedClient): readonly LayerUse[] =>
  scope === undefined ? [] : all(scopeLayer(takerOf(proxy), scope, layers[0] ?? '*'));

/** Resources of hosts that the client's scope does not import are left out. */
function scoped({ scope }: PlacedClient, list: readonly LayerUse[]): readonly LayerUse[] {
  if (scope?.hosts === undefined) return list;
  const shows = filterOf(scope);
  return uses(...list.map((use) => ({ ...use, shows })));
}

const filters = new WeakMap<Scope, NonNullable<LayerUse['shows']>>();

function filterOf(scope: Scope): NonNullable<LayerUse['shows']> {
  const known = filters.get(scope);
  if (known !== undefined) return known;
  const decided = new Map<string, boolean>();
  const filter = {
    key: JSON.stringify(scope.hosts),
    includes(owner: string): boolean {
      const found = decided.get(owner) ?? isImported(scope, owner);
      decided.set(owner, found);
      return found;
    },
  };
  filters.set(scope, filter);
  return filter;
}

/** A class has tables of its own only where they differ from its namespace's. */
function wholeTables({ layers, proxy, scope }: PlacedClient): readonly string[] {
  if (scope !== undefined) return [eagerRoutes(scopeName(scope, layers[0] ?? '*'))];
  return [...layers.filter(isClassLayer), proxy.namespace].map(eagerRoutes);
}

/** Labels and role decide about them, so that they must be more than a proxy's own word. */
const secretsFor = ({ isUnproven }: ProxyNode, ...layers: readonly string[]): readonly LayerUse[] =>
  isUnproven === true ? [] : needed(...layers);

const extensionsFor = ({ namespace }: ProxyNode): readonly LayerUse[] =>
  needed(extensionLayer(namespace), meshExtensionLayer);

function routerView(client: PlacedClient): ProxyView {
  const { proxy } = client;
  const placed = placedLayers(client);
  const own = proxyLayer(proxy.id);
  return {
    onDemand: false,
    layers: {
      [typeUrls.listener]: all(own),
      [typeUrls.route]: all(own),
      [typeUrls.cluster]: [...all(own, baseLayer), ...needed(...placed)],
      [typeUrls.endpoint]: needed(...placed),
      [typeUrls.secret]: secretsFor(proxy, secretLayer(proxy.namespace), own),
      [typeUrls.extension]: extensionsFor(proxy),
    },
  };
}

function grpcView(client: PlacedClient): ProxyView {
  const own = needed(...client.layers.map(grpcLayer));
  return {
    onDemand: false,
    layers: {
      [typeUrls.listener]: own,
      [typeUrls.route]: own,
      [typeUrls.cluster]: own,
      [typeUrls.endpoint]: needed(...placedLayers(client)),
    },
  };
}

/**
 * Names that may answer a request for a virtual host: the host itself, then wildcards, the longest first. Envoy asks
 * with the port that the client wrote; only domains of the HTTP proxy have one.
 */
export function candidates(typeUrl: string, asked: string): readonly string[] {
  if (typeUrl !== typeUrls.virtualHost) return [asked];
  const slash = asked.indexOf('/');
  const route = asked.slice(0, slash);
  const written = asked.slice(slash + 1);
  const host = route === httpProxyRoute ? written : written.replace(/:\d+$/, '');
  const names = [`${route}/${host}`];
  for (let dot = host.indexOf('.'); dot >= 0; dot = host.indexOf('.', dot + 1))
    names.push(`${route}/*${host.slice(dot)}`);
  return names;
}
