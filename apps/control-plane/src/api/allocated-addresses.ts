// The addresses that hosts of a ServiceEntry were given, in Istio's words: `status.addresses`.
import { layered, type ObjectKey } from '@xebec/model';
import type { ControlPlaneContext } from '../context.ts';

interface AllocatedAddress {
  readonly value: string;
  readonly host: string;
}

/** Nothing for objects whose hosts have addresses of their own, or belong to others. */
export function allocatedAddressesOf(
  { store, mesh }: ControlPlaneContext,
  key: ObjectKey,
): { readonly addresses?: readonly AllocatedAddress[] } {
  if (!key.startsWith('ServiceEntry/')) return {};
  const entry = store.source('ServiceEntry').get(key);
  if (entry?.spec.isAllocated !== true) return {};
  const addresses = entry.spec.hosts.flatMap((host) => {
    const own = mesh.services.get(layered(`ns:${entry.metadata.namespace}`, host));
    const service = own ?? mesh.services.get(layered('*', host));
    const isOurs = service?.isAllocated === true && service.causes.some(({ object }) => object === key);
    return isOurs ? service.addresses.map((value) => ({ value, host })) : [];
  });
  return addresses.length === 0 ? {} : { addresses };
}
