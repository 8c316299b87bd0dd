// Allocated addresses: what each host has by its name alone, unless another host of the mesh has the same one.
import type { Collection, Graph, Index } from '@xebec/flow';
import type { Host, Service } from '@xebec/model';
import type { Claim, ClaimKey } from './claims.ts';
import { compareText } from './host-names.ts';
import type { HostView } from './hosts.ts';
import type { AnchorLookup } from './lookups.ts';
import { allocatedAddresses } from './virtual-address.ts';

type ClaimsByAddress = AnchorLookup<string, ClaimKey, Claim>;

/** Claims of services without an address of their own, by the one that their host's name gives. */
export const indexAllocations = (
  graph: Graph,
  claims: Collection<ClaimKey, Claim>,
): Index<string, ClaimKey, Claim> =>
  graph.index(claims, 'byAllocation', ({ service }) => (service === undefined ? [] : anchorsOf(service)));

const anchorsOf = ({ isAllocated, addresses: [address] }: Service): readonly string[] =>
  isAllocated === true && address !== undefined ? [address] : [];

/** The first host by name has the address; every other one its second choice, in every start the same. */
export function addressed(view: HostView, claims: ClaimsByAddress): HostView {
  const anchor = view.holders.flatMap(({ service }) => anchorsOf(service))[0];
  if (anchor === undefined || claims.count(anchor) < 2) return view;
  const [owner = view.host] = claims
    .at(anchor)
    .map(([, { host }]) => host)
    .sort(compareText);
  return owner === view.host ? view : displaced(view, owner);
}

const displaced = (view: HostView, displacedBy: Host): HostView => ({
  ...view,
  displacedBy,
  holders: view.holders.map((holder) => {
    const { service } = holder;
    if (service.isAllocated !== true) return holder;
    const ipv6 = service.addresses.length > 1;
    return {
      ...holder,
      service: { ...service, addresses: allocatedAddresses(view.host, { ipv6, choice: 1 }) },
    };
  }),
});
