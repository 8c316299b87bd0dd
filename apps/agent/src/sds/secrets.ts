// The secrets of a workload as Envoy asks for them: its own two, and those in files that its configuration names.
import { toBinary } from '@bufbuild/protobuf';
import { type Any, AnySchema } from '@bufbuild/protobuf/wkt';
import type { IdentityMaterial, WorkloadIdentity } from '../identity/workload-identity.ts';
import { createDeliveries, type Deliveries } from './deliveries.ts';
import { encodeCertificate, encodeRoots, type RevocationLists } from './encode-secret.ts';
import { type FileSecretOptions, isFileSecretName, openFileSecrets } from './file-secrets.ts';

/** Istio's names: the workload's own certificate, and the roots it trusts. */
type OwnSecretName = 'default' | 'ROOTCA';
const ownNames: readonly OwnSecretName[] = ['default', 'ROOTCA'];
const isOwnName = (name: string): name is OwnSecretName => name === 'default' || name === 'ROOTCA';

/** Other names nobody here knows; each has a version that changes only with the content. */
export const isSecretName = (name: string): boolean => isOwnName(name) || isFileSecretName(name);

interface VersionedSecret {
  readonly name: string;
  readonly version: string;
  readonly resource: Any;
}

export interface SecretStore extends Disposable {
  /** Undefined while it cannot be served. Who asks hears of it from then on. */
  get(name: string): VersionedSecret | undefined;
  /** Called with the names that have changed. */
  subscribe(listener: (changed: readonly string[]) => void): Disposable;
  /** What the proxy has taken of them. */
  readonly deliveries: Deliveries;
}

const bytes = (text: string): Buffer => Buffer.from(text);

function encodeOwn(name: OwnSecretName, material: IdentityMaterial): Any {
  return name === 'ROOTCA'
    ? encodeTrust(name, material)
    : encodeCertificate(name, bytes(material.certificatesPem), bytes(material.privateKeyPem));
}

function encodeTrust(name: OwnSecretName, material: IdentityMaterial): Any {
  const { rootsPem, anchorsPem } = material;
  const anchors = anchorsPem.length === 0 ? rootsPem : anchorsPem;
  return encodeRoots(name, bytes(anchors.join('')), revocationsOf(material));
}

const revocationsOf = ({ revocationsPem }: IdentityMaterial): RevocationLists | undefined =>
  revocationsPem === '' ? undefined : { lists: bytes(revocationsPem), of: 'leaf' };

const isSame = (left: Any, right: Any): boolean =>
  Buffer.from(toBinary(AnySchema, left)).equals(toBinary(AnySchema, right));

export type SecretFiles = Omit<FileSecretOptions, 'onChange'>;

/** Follows the identity: one epoch per renewal, and a secret's version is the epoch it last changed in. */
export function createSecretStore(identity: WorkloadIdentity, files?: SecretFiles): SecretStore {
  const listeners = new Set<(changed: readonly string[]) => void>();
  const tell = (changed: readonly string[]): void => {
    for (const listener of [...listeners]) listener(changed);
  };
  const inFiles = files && openFileSecrets({ ...files, onChange: (name) => tell([name]) });
  const make = (name: OwnSecretName, epoch: number): VersionedSecret => ({
    name,
    version: String(epoch),
    resource: encodeOwn(name, identity.current),
  });
  let epoch = 1;
  const own = new Map<string, VersionedSecret>(ownNames.map((name) => [name, make(name, epoch)]));
  const following = identity.subscribe(() => {
    epoch += 1;
    tell(
      ownNames.filter((name) => {
        const next = make(name, epoch);
        const old = own.get(name);
        if (old !== undefined && isSame(old.resource, next.resource)) return false;
        own.set(name, next);
        return true;
      }),
    );
  });
  const deliveries = createDeliveries((name) => own.get(name)?.version);
  return {
    deliveries,
    get(name) {
      if (isOwnName(name)) return own.get(name);
      if (isFileSecretName(name)) inFiles?.follow(name);
      return inFiles?.get(name);
    },
    subscribe(listener) {
      listeners.add(listener);
      return { [Symbol.dispose]: () => void listeners.delete(listener) };
    },
    [Symbol.dispose]: () => {
      following[Symbol.dispose]();
      inFiles?.[Symbol.dispose]();
      listeners.clear();
    },
  };
}
