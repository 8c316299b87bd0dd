// The last certificate with its key on disk, for its owner's eyes only: a policy service that starts again while the control plane is away serves as before.
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { IdentityMaterial } from './identity.ts';

export interface KeptIdentity {
  save(material: IdentityMaterial): void;
  /** Undefined: there is none, or it cannot be read. */
  load(): IdentityMaterial | undefined;
}

export const keepIdentity = (file: string, onFault: (error: unknown) => void): KeptIdentity => ({
  save(material) {
    try {
      mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
      writeFileSync(`${file}.new`, JSON.stringify(material), { mode: 0o600 });
      renameSync(`${file}.new`, file);
    } catch (error) {
      onFault(error);
    }
  },
  load() {
    try {
      return read(JSON.parse(readFileSync(file, 'utf8')));
    } catch {
      return undefined;
    }
  },
});

const texts = ['certificatesPem', 'privateKeyPem', 'spiffeId', 'issuer', 'serial'] as const;
const times = ['notBefore', 'notAfter', 'issuedAt'] as const;

function read(value: unknown): IdentityMaterial | undefined {
  const found = Object(value);
  const isGood =
    texts.every((name) => typeof found[name] === 'string') &&
    times.every((name) => typeof found[name] === 'number') &&
    Array.isArray(found.rootsPem) &&
    found.rootsPem.every((root: unknown) => typeof root === 'string');
  const { revocationsPem } = found;
  return isGood && isPair(found)
    ? { ...found, revocationsPem: typeof revocationsPem === 'string' ? revocationsPem : '' }
    : undefined;
}

/** The key is that of the certificate. Throws when either is none. */
const isPair = ({ certificatesPem, privateKeyPem }: IdentityMaterial): boolean =>
  new X509Certificate(certificatesPem).checkPrivateKey(createPrivateKey(privateKeyPem));
