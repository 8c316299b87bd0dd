// Secrets that proxies present and trust as clients: by bare name, in the namespace of whoever asks.
import type { Collection, Graph } from '@xebec/flow';
import type { ClassLayer, Destination, Host, Layered, TlsSecret, TrafficPolicy } from '@xebec/model';
import { isClassLayer, namespaceOfLayer } from '@xebec/model';
import { type EncodedResource, equalResources, type ResourceKey } from './resource.ts';
import { encodeSecret } from './secrets.ts';
import { classSecretLayer, secretLayer } from './views.ts';

type Resources = Collection<ResourceKey, EncodedResource>;

interface ClientSecretInputs {
  readonly secrets: Collection<string, TlsSecret>;
  readonly destinations: Collection<Layered<Host>, Destination>;
}

/**
 * Routers may have any Secret of their namespace. Sidecars get one only where a DestinationRule names it for them by
 * their labels: without a selector every workload of the namespace would hold the key.
 */
export function buildClientSecrets(graph: Graph, { secrets, destinations }: ClientSecretInputs): Resources {
  const ofRouters = graph.derive({
    name: 'clientSecrets',
    from: secrets,
    fn: (secret) => {
      const encoded = encodeSecret({ ...secret, name: bareName(secret) });
      return [[`${secretLayer(secret.namespace)}|${encoded.name}` as ResourceKey, encoded] as const];
    },
    equals: equalResources,
  });
  const byGrant = graph.index(destinations, 'classSecrets', grantsOf);
  const ofSidecars = graph.derive({
    name: 'classSecrets',
    from: graph.group(byGrant),
    reads: { secrets },
    fn: (_destinations, grant: string, read) => {
      const at = grant.lastIndexOf('|');
      const layer = grant.slice(0, at) as ClassLayer;
      const secret = read.secrets.get(`kubernetes://${namespaceOfLayer(layer) ?? ''}/${grant.slice(at + 1)}`);
      if (secret === undefined) return [];
      const encoded = encodeSecret({ ...secret, name: bareName(secret) });
      return [[`${classSecretLayer(layer)}|${encoded.name}` as ResourceKey, encoded] as const];
    },
    equals: equalResources,
  });
  return graph.union('allClientSecrets', ofRouters, ofSidecars);
}

const bareName = ({ name, namespace }: TlsSecret): TlsSecret['name'] =>
  name.replace(`kubernetes://${namespace}/`, 'kubernetes://') as TlsSecret['name'];

/** `LAYER|NAME` of the Secrets that the rules of one class name, with those of their roots. */
function grantsOf({ layer, policy, portPolicies, subsets }: Destination): readonly string[] {
  if (!isClassLayer(layer)) return [];
  const sets = [{ policy, portPolicies }, ...subsets];
  const policies = sets.flatMap((set): readonly TrafficPolicy[] => [set.policy, ...set.portPolicies]);
  const names = policies.flatMap(({ tls }) =>
    'material' in tls && tls.material.kind === 'secret' ? [tls.material.name] : [],
  );
  return [...new Set(names.flatMap((name) => [`${layer}|${name}`, `${layer}|${name}-cacert`]))];
}
