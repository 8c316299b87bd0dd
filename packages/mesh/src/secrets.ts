// TLS secrets for gateways, under the names by which proxies ask for them.
import type { ObjectOf } from '@xebec/config';
import type { Collection, Graph } from '@xebec/flow';
import type { ObjectKey, TlsSecret } from '@xebec/model';
import { deepEqual } from '@xebec/std';
import type { MeshInputs } from './inputs.ts';

export const secretName = (namespace: string, name: string): string => `kubernetes://${namespace}/${name}`;

const authoritySuffix = '-cacert';
/** The roots that belong to a Secret with this name, wherever they are. */
export const authorityName = (secret: string): string => `${secret}${authoritySuffix}`;

/** Secrets that hold a certificate and its key, or roots; other ones are nobody's business here. */
export function deriveSecrets(graph: Graph, { secrets }: MeshInputs): Collection<string, TlsSecret> {
  const certificates = graph.derive({
    name: 'mesh.certificates',
    from: secrets,
    equals: deepEqual,
    fn: certificateOf,
  });
  const byAuthority = graph.index(secrets, 'byAuthority', authoritiesOf);
  const authorities = graph.derive({
    name: 'mesh.authorities',
    from: graph.group(byAuthority),
    reads: { byAuthority },
    equals: deepEqual,
    fn: (_keys, name: string, read) => {
      const holders = read.byAuthority.at(name);
      const own = holders.find(([, { metadata }]) => name === secretName(metadata.namespace, metadata.name));
      const [object, secret] = own ?? holders[0] ?? [];
      return object === undefined || secret === undefined ? [] : authorityOf(name, object, secret);
    },
  });
  return graph.union('mesh.secrets', certificates, authorities);
}

type Secret = ObjectOf<'Secret'>;

/** `tls.crt` and `tls.key` as Kubernetes names them, or `cert` and `key`. */
function certificateOf(
  { metadata, spec }: Secret,
  object: ObjectKey,
): readonly (readonly [string, TlsSecret])[] {
  const certificate = spec.data['tls.crt'] ?? spec.data['cert'];
  const key = spec.data['tls.key'] ?? spec.data['key'];
  if (certificate === undefined || key === undefined || isForRoots(metadata.name)) return [];
  const { namespace } = metadata;
  const name = secretName(namespace, metadata.name);
  return [[name, { kind: 'certificate', name, namespace, certificate, key, causes: [{ object }] }]];
}

const isForRoots = (name: string): boolean => name.endsWith(authoritySuffix);
const rootsOf = ({ spec }: Secret): Uint8Array | undefined => spec.data['ca.crt'] ?? spec.data['cacert'];

/** Roots are in a Secret named `NAME-cacert`, else beside the certificate in the Secret NAME. */
function authoritiesOf(secret: Secret): readonly string[] {
  if (rootsOf(secret) === undefined) return [];
  const name = secretName(secret.metadata.namespace, secret.metadata.name);
  return isForRoots(name) ? [name] : [authorityName(name)];
}

function authorityOf(
  name: string,
  object: ObjectKey,
  secret: Secret,
): readonly (readonly [string, TlsSecret])[] {
  const roots = rootsOf(secret);
  if (roots === undefined) return [];
  const revocations = secret.spec.data['ca.crl'] ?? secret.spec.data['crl'];
  const { namespace } = secret.metadata;
  const revoked = revocations === undefined ? {} : { revocations };
  return [[name, { kind: 'authority', name, namespace, roots, ...revoked, causes: [{ object }] }]];
}
