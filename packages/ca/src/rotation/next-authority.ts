// The issuer to come: made here, or taken from a directory with the names of Istio's `cacerts`. It is whole on the disk before anything refers to it.
import { rmSync } from 'node:fs';
import type { Result } from '@xebec/std';
import { succeed } from '@xebec/std';
import { type AuthoritySettings, loadAuthority } from '../authority/authority.ts';
import { createAuthorityFiles, createIntermediateFiles } from '../authority/authority-creation.ts';
import {
  type AuthorityFiles,
  FILE,
  readAuthorityFiles,
  writeAuthorityFiles,
} from '../authority/authority-files.ts';
import type { LoadedAuthority } from '../authority/authority-verification.ts';
import type { KeyAlgorithm } from '../client/key-and-csr.ts';
import { parsePem } from '../der/pem.ts';
import { refuse } from '../refusal.ts';
import { type CertificateFacts, readCertificate } from '../x509/certificate-reader.ts';
import { nextDirectory } from './rotation-files.ts';
import type { RotationKind } from './rotation-plan.ts';

export interface NextAuthority {
  readonly kind: RotationKind;
  /** Directory with the files of the next authority; absent: it is made here. */
  readonly from?: string;
  /** Of keys that are made here. */
  readonly keyAlgorithm?: KeyAlgorithm;
}

export function prepareNext(settings: AuthoritySettings, wanted: NextAuthority): Result<LoadedAuthority> {
  const directory = nextDirectory(settings.directory);
  const files = wanted.from === undefined ? makeFiles(settings, wanted) : takeFiles(wanted.from);
  if (!files.ok) return files;
  rmSync(directory, { recursive: true, force: true });
  const written = writeAuthorityFiles(directory, files.value);
  if (!written.ok) return written;
  const loaded = loadAuthority({ ...settings, directory });
  if (!loaded.ok) rmSync(directory, { recursive: true, force: true });
  return loaded;
}

function takeFiles(from: string): Result<AuthorityFiles> {
  const read = readAuthorityFiles(from);
  if (!read.ok) return read;
  if (read.value !== undefined) return succeed(read.value);
  return refuse({
    code: 'no-authority-there',
    message: 'the directory of the next authority is missing or empty',
    remedy: `put ${FILE.root}, ${FILE.certificate}, ${FILE.key} and ${FILE.chain} there`,
    file: from,
  });
}

/** Where the root's key is not kept here, somebody else makes intermediates, and roots. */
function makeFiles(
  settings: AuthoritySettings,
  { kind, keyAlgorithm }: NextAuthority,
): Result<AuthorityFiles> {
  const creation = { ...settings, ...(keyAlgorithm === undefined ? {} : { keyAlgorithm }) };
  const current = readAuthorityFiles(settings.directory);
  if (!current.ok) return current;
  if (current.value?.[FILE.rootKey] === undefined) {
    return refuse({
      code: 'no-root-key',
      message: 'the key of the root is not kept here, so no other authority can be made of it',
      remedy: 'have one made, and give its directory with --from',
      file: settings.directory,
    });
  }
  if (kind === 'root') return succeed(createAuthorityFiles(creation));
  const roots = certificatesOf(current.value[FILE.root]);
  return createIntermediateFiles(creation, { files: current.value, roots });
}

/** What cannot be read is found out when the whole authority is verified. */
export function certificatesOf(pem: string): readonly CertificateFacts[] {
  const blocks = parsePem(pem);
  if (!blocks.ok) return [];
  return blocks.value.flatMap(({ der }) => {
    const read = readCertificate(der);
    return read.ok ? [read.value] : [];
  });
}
