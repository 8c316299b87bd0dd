// Who a host belongs to, for everybody and for the namespaces that see something else; the winner depends on nothing but the claims.
import type { Collection, Graph } from '@xebec/flow';
import type { Host, Layer, Layered, ObjectKey, Service } from '@xebec/model';
import { layerChain, layered, namespaceOfLayer } from '@xebec/model';
import type { Claim, ClaimKey } from './claims.ts';
import { compareText } from './host-names.ts';
import { isVisible, sortLayers } from './visibility.ts';

/** The service that clients of a layer see. */
export interface Holder {
  readonly layer: Layer;
  readonly owner: ObjectKey;
  readonly service: Service;
}

/** A claim that lost its host to another one of the same layer. */
export interface Loser {
  readonly layer: Layer;
  readonly owner: ObjectKey;
  readonly to: ObjectKey;
}

export interface HostView {
  readonly host: Host;
  /** The shared layer first; `ns:` layers only where they differ. Empty when only a VirtualService names the host. */
  readonly holders: readonly Holder[];
  readonly losers: readonly Loser[];
  /** The host whose address it would have by its own name, which is why it has another one. */
  readonly displacedBy?: Host;
}

interface ServiceClaim extends Claim {
  readonly service: Service;
}

export function deriveServices(
  graph: Graph,
  hosts: Collection<Host, HostView>,
): Collection<Layered<Host>, Service> {
  return graph.derive({
    name: 'mesh.services',
    from: hosts,
    fn: ({ host, holders }) => holders.map(({ layer, service }) => [layered(layer, host), service] as const),
  });
}

/** What clients of a layer see under this host. */
export function holderIn(view: HostView | undefined, layer: Layer): Holder | undefined {
  for (const each of view === undefined ? [] : layerChain(layer)) {
    const holder = view?.holders.find((candidate) => candidate.layer === each);
    if (holder !== undefined) return holder;
  }
  return undefined;
}

/** Who holds a host, by the claims to it alone. */
export function viewOf(host: Host, members: readonly (readonly [ClaimKey, Claim])[]): HostView {
  const claims = members.map(([, claim]) => claim).filter(hasService);
  const shared = winnerOf(claims, '*');
  const layers = sortLayers(claims.flatMap((claim) => layersAffectedBy(claim, claims.length > 1)));
  const holders = layers.flatMap((layer): Holder[] => {
    const winner = winnerOf(claims, layer);
    if (winner === undefined || (layer !== '*' && winner === shared)) return [];
    return [{ layer, owner: winner.owner, service: winner.service }];
  });
  return {
    host,
    holders,
    losers: [...layers.flatMap((layer) => losersOf(claims, layer)), ...withheld(claims, shared)],
  };
}

const hasService = (claim: Claim): claim is ServiceClaim => claim.service !== undefined;

/** A namespace prefers its own claim, so where several exist its layer may differ even if all are shared. */
const layersAffectedBy = (claim: ServiceClaim, isContested: boolean): readonly Layer[] =>
  isContested && isVisible(claim.layers, `ns:${claim.service.namespace}`)
    ? [...claim.layers, `ns:${claim.service.namespace}`]
    : claim.layers;

function winnerOf(claims: readonly ServiceClaim[], layer: Layer): ServiceClaim | undefined {
  const [winner] = claims
    .filter((claim) => isVisible(claim.layers, layer))
    .sort((left, right) => compareClaims(left, right, layer));
  return winner;
}

/** The client's own namespace first, then Kubernetes before ServiceEntry, then namespace and name. */
function compareClaims(left: ServiceClaim, right: ServiceClaim, layer: Layer): number {
  const own = namespaceOfLayer(layer);
  const rank = ({ service }: ServiceClaim) =>
    (service.namespace === own ? 0 : 2) + (service.platform === 'kubernetes' ? 0 : 1);
  return rank(left) - rank(right) || compareText(left.owner, right.owner);
}

/** Claims to names of another namespace: its service holds them for everybody else, or its right to have one. */
const withheld = (claims: readonly ServiceClaim[], shared: ServiceClaim | undefined): readonly Loser[] =>
  claims.flatMap(({ owner, withheldFor }) =>
    withheldFor === undefined
      ? []
      : [{ layer: '*', owner, to: shared?.owner ?? `Namespace//${withheldFor}` } as const],
  );

/** Claims exported to exactly the layer that another one of the same layer holds; preferring one's own is no conflict. */
function losersOf(claims: readonly ServiceClaim[], layer: Layer): readonly Loser[] {
  const rivals = claims.filter((claim) => claim.layers.includes(layer));
  const winner = winnerOf(rivals, layer);
  if (winner === undefined) return [];
  return rivals.filter((claim) => claim !== winner).map(({ owner }) => ({ layer, owner, to: winner.owner }));
}
