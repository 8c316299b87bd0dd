// The two secrets of a workload as Envoy reads them; each has a version that changes only with its content.
import { toBinary } from '@bufbuild/protobuf';
import { type Any, AnySchema } from '@bufbuild/protobuf/wkt';
import { anyOf } from '@xebec/protos';
import { SecretSchema } from '@xebec/protos/envoy/extensions/transport_sockets/tls/v3/secret_pb';
import type { IdentityMaterial, WorkloadIdentity } from '../identity/workload-identity.ts';

/** Istio's names: the workload's own certificate, and the roots it trusts. */
export type SecretName = 'default' | 'ROOTCA';
const secretNames: readonly SecretName[] = ['default', 'ROOTCA'];

export const isSecretName = (name: string): name is SecretName => name === 'default' || name === 'ROOTCA';

interface VersionedSecret {
  readonly name: SecretName;
  readonly version: string;
  readonly resource: Any;
}

export interface SecretStore extends Disposable {
  get(name: SecretName): VersionedSecret;
  /** Called with the names that have changed. */
  subscribe(listener: (changed: readonly SecretName[]) => void): Disposable;
}

const inline = (text: string) => ({
  specifier: { case: 'inlineBytes' as const, value: Buffer.from(text) },
});

function encodeSecret(name: SecretName, material: IdentityMaterial): Any {
  if (name === 'ROOTCA') {
    const trustedCa = inline(material.rootsPem.join(''));
    return anyOf(SecretSchema, { name, type: { case: 'validationContext', value: { trustedCa } } });
  }
  const certificateChain = inline(material.certificatesPem);
  const privateKey = inline(material.privateKeyPem);
  return anyOf(SecretSchema, {
    name,
    type: { case: 'tlsCertificate', value: { certificateChain, privateKey } },
  });
}

const isSame = (left: Any, right: Any): boolean =>
  Buffer.from(toBinary(AnySchema, left)).equals(toBinary(AnySchema, right));

/** Follows the identity: one epoch per renewal, and a secret's version is the epoch it last changed in. */
export function createSecretStore(identity: WorkloadIdentity): SecretStore {
  const listeners = new Set<(changed: readonly SecretName[]) => void>();
  const make = (name: SecretName, epoch: number): VersionedSecret => ({
    name,
    version: String(epoch),
    resource: encodeSecret(name, identity.current),
  });
  let epoch = 1;
  const secrets = new Map(secretNames.map((name) => [name, make(name, epoch)]));
  const get = (name: SecretName): VersionedSecret => secrets.get(name) ?? make(name, epoch);
  const following = identity.subscribe(() => {
    epoch += 1;
    const changed = secretNames.filter((name) => {
      const next = make(name, epoch);
      if (isSame(get(name).resource, next.resource)) return false;
      secrets.set(name, next);
      return true;
    });
    for (const listener of [...listeners]) listener(changed);
  });
  return {
    get,
    subscribe(listener) {
      listeners.add(listener);
      return { [Symbol.dispose]: () => void listeners.delete(listener) };
    },
    [Symbol.dispose]: () => {
      following[Symbol.dispose]();
      listeners.clear();
    },
  };
}
