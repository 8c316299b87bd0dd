// TLS secrets for gateways, under the names by which proxies ask for them.
import type { ObjectOf } from '@xebec/config';
import type { Collection, Graph } from '@xebec/flow';
import type { ObjectKey, TlsSecret } from '@xebec/model';
import { deepEqual } from '@xebec/std';
import type { MeshInputs } from './inputs.ts';

export const secretName = (namespace: string, name: string): string => `kubernetes://${namespace}/${name}`;

/** Secrets that hold a certificate and its key; other ones are nobody's business here. */
export function deriveSecrets(graph: Graph, { secrets }: MeshInputs): Collection<string, TlsSecret> {
  return graph.derive({ name: 'mesh.secrets', from: secrets, equals: deepEqual, fn: secretOf });
}

/** `tls.crt` and `tls.key` as Kubernetes names them, or `cert` and `key`. */
function secretOf(
  { metadata, spec }: ObjectOf<'Secret'>,
  object: ObjectKey,
): readonly (readonly [string, TlsSecret])[] {
  const certificate = spec.data['tls.crt'] ?? spec.data['cert'];
  const key = spec.data['tls.key'] ?? spec.data['key'];
  if (certificate === undefined || key === undefined) return [];
  const name = secretName(metadata.namespace, metadata.name);
  return [[name, { name, namespace: metadata.namespace, certificate, key, causes: [{ object }] }]];
}
