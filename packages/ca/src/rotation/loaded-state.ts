// What the directory of an authority holds at one moment, read and verified as a whole: who signs, who is to sign, what is trusted, what was taken back.
import { createHash, type X509Certificate } from 'node:crypto';
import * as fs from 'node:fs';
import * as path from 'node:path';
import type { Result } from '@xebec/std';
import { succeed } from '@xebec/std';
import {
  type Authority,
  type AuthoritySettings,
  createAuthority,
  loadAuthority,
} from '../authority/authority.ts';
import { FILE } from '../authority/authority-files.ts';
import type { LoadedAuthority } from '../authority/authority-verification.ts';
import { type PublishedLists, publishLists, REVOCATION_FILE } from '../revocation/published-lists.ts';
import { type Revocations, readRevocations } from '../revocation/revocations.ts';
import type { CertificateFacts } from '../x509/certificate-reader.ts';
import { nextDirectory, readRotation } from './rotation-files.ts';
import { type Rotation, rootsAt } from './rotation-plan.ts';

export interface CertificateOutline {
  /** `root`, `intermediate`: of the issuer in force; `next-root`, `next-intermediate`: of the one to come. */
  readonly role: 'root' | 'intermediate' | 'next-root' | 'next-intermediate';
  /** SHA-256 of the certificate, hexadecimal. */
  readonly fingerprint: string;
  readonly subject: string;
  /** Milliseconds since the epoch. */
  readonly notBefore: number;
  readonly notAfter: number;
}

export interface LoadedState {
  readonly revocations: Revocations;
  readonly lists: PublishedLists;
  readonly main: Authority;
  readonly next: Authority | undefined;
  readonly rotation: Rotation | undefined;
  readonly certificates: readonly CertificateOutline[];
  readonly digest: string;
}

/** Everything the directory holds, verified. */
export function loadFrom(settings: AuthoritySettings): Result<LoadedState> {
  const { directory } = settings;
  const digest = digestOf(directory);
  const rotation = readRotation(directory);
  if (!rotation.ok) return rotation;
  const main = loadAuthority(settings);
  if (!main.ok) return main;
  const trusted = rotation.value === undefined ? [] : rootsAt(rotation.value);
  const next = loadNext(settings, rotation.value);
  if (next?.ok === false) return next;
  const revocations = readRevocations(directory);
  if (!revocations.ok) return revocations;
  const issuers = [main.value, ...(next === undefined ? [] : [next.value])];
  const current = withoutEnded(revocations.value, settings.clock());
  const lists = publishLists({ directory, issuers, revocations: current, nowMs: settings.clock() });
  if (!lists.ok) return lists;
  const make = (loaded: LoadedAuthority): Authority =>
    createAuthority(settings, { loaded, isNew: false, otherRootsPem: trusted });
  const loaded: LoadedState = {
    revocations: current,
    lists: lists.value,
    main: make(main.value),
    next: next === undefined ? undefined : make(next.value),
    rotation: rotation.value,
    certificates: [
      ...outlinesOf(main.value, ''),
      ...(next === undefined ? [] : outlinesOf(next.value, 'next-')),
    ],
    digest,
  };
  return succeed(loaded, lists.warnings);
}

const withoutEnded = ({ certificates, identities }: Revocations, nowMs: number): Revocations => ({
  certificates: certificates.filter(({ notAfterMs }) => notAfterMs > nowMs),
  identities,
});

/** While it still lies apart from the authority in force. */
function loadNext(
  settings: AuthoritySettings,
  rotation: Rotation | undefined,
): Result<LoadedAuthority> | undefined {
  if (rotation === undefined || rotation.stage === 'retire' || rotation.stage === 'discard') return undefined;
  return loadAuthority({ ...settings, directory: nextDirectory(settings.directory) });
}

function outlinesOf(
  { roots, certificate }: LoadedAuthority,
  prefix: '' | 'next-',
): readonly CertificateOutline[] {
  return [
    ...roots.map((root) => outlineOf(`${prefix}root`, root)),
    outlineOf(`${prefix}intermediate`, certificate),
  ];
}

export const outlineOf = (
  role: CertificateOutline['role'],
  { x509, der, notBeforeMs, notAfterMs }: CertificateFacts,
): CertificateOutline => ({
  role,
  fingerprint: createHash('sha256').update(der).digest('hex'),
  subject: nameOf(x509),
  notBefore: notBeforeMs,
  notAfter: notAfterMs,
});

const nameOf = ({ subject }: X509Certificate): string => /^CN=(.*)$/m.exec(subject)?.[1] ?? subject;

const WATCHED = [FILE.root, FILE.certificate, FILE.key, FILE.chain, FILE.rootKey, REVOCATION_FILE] as const;

/** Of the contents, not of dates: what is renamed or linked into place shows. */
export function digestOf(directory: string): string {
  const hash = createHash('sha256');
  for (const name of WATCHED) hash.update(contentOf(path.join(directory, name))).update('\0');
  return hash.digest('hex');
}

function contentOf(file: string): string | Buffer {
  try {
    return fs.readFileSync(file);
  } catch {
    return '';
  }
}
