// VirtualServices for hosts of another namespace that do not say whom they are for: why they count for their own clients only.
import type { Host } from '@xebec/model';
import type { Conflict } from './conflict.ts';
import { type HostView, holderIn } from './hosts.ts';
import type { Lookup } from './lookups.ts';
import type { BoundRoute } from './routes.ts';

/** One conflict for each host. */
export function foreignHostsOf(route: BoundRoute, hosts: Lookup<Host, HostView>): readonly Conflict[] {
  if (route.isExported || !route.gateways.includes('mesh')) return [];
  return route.hosts.flatMap((host, position) => {
    const owner = holderIn(hosts.get(host), `ns:${route.namespace}`)?.service.namespace;
    const isForeign = owner !== undefined && owner !== route.namespace;
    return isForeign ? [conflictOf(route, { host, position, owner })] : [];
  });
}

const conflictOf = (
  { object, namespace }: BoundRoute,
  { host, position, owner }: { readonly host: Host; readonly position: number; readonly owner: string },
): Conflict => ({
  code: 'host-of-another-namespace',
  object,
  field: `spec.hosts[${position}]`,
  message: `${host} belongs to namespace ${owner}: these rules hold for clients in namespace ${namespace} only`,
  remedy: `write exportTo: [.] if that is meant, else exportTo with the namespaces that want these rules; or put them into namespace ${owner}`,
});
