// The lists that proxies get: none while nothing is revoked; else one for every issuer whose key is here, with what the file `ca-crl.pem` adds, because a proxy refuses whoever's issuer has no list. Other meshes are told of them at any time.
import * as fs from 'node:fs';
import * as path from 'node:path';
import type { Diagnostic, Result } from '@xebec/std';
import { succeed } from '@xebec/std';
import type { LoadedAuthority } from '../authority/authority-verification.ts';
import { DAY_MS } from '../clock.ts';
import { encodePem } from '../der/pem.ts';
import { type Refusal, refusalDiagnostic, refuse } from '../refusal.ts';
import type { OwnLists } from '../trust/federation.ts';
import type { PublishedIssuer } from '../trust/spiffe-bundle.ts';
import { keyIdentifier } from '../x509/extensions.ts';
import {
  type RevocationListFacts,
  readRevocationLists,
  signRevocationList,
} from '../x509/revocation-list.ts';
import { signerFor } from '../x509/signature-algorithm.ts';
import type { Revocations } from './revocations.ts';

export const REVOCATION_FILE = 'ca-crl.pem';

/** `pem`: empty, nothing is checked; `key`: equal when the lists say the same, however often they were signed. */
export interface PublishedLists extends OwnLists {
  /** Of the certificates that the file names. */
  readonly serialsInFile: ReadonlySet<string>;
  /** Those whose key is here. */
  readonly issuers: readonly PublishedIssuer[];
}

export interface PublicationSources {
  readonly directory: string;
  readonly issuers: readonly LoadedAuthority[];
  readonly revocations: Revocations;
  readonly nowMs: number;
}

export const noLists: PublishedLists = {
  ...{ pem: '', key: '', standingPem: '', standingKey: '', issuerNames: [] },
  ...{ serialsInFile: new Set<string>(), issuers: [] },
};

/** Clocks of proxies may be behind. */
const BACK_DATE_MS = DAY_MS;

export function publishLists(sources: PublicationSources): Result<PublishedLists> {
  const file = path.join(sources.directory, REVOCATION_FILE);
  const read = fs.existsSync(file) ? readRevocationLists(fs.readFileSync(file, 'latin1')) : succeed([]);
  if (!read.ok) return read;
  const lists = read.value;
  const forged = lists.find((list) => isForged(list, sources.issuers));
  if (forged !== undefined) return refuse(notSigned(file));
  const ownNames = sources.issuers.map(({ certificate }) => certificate.subject);
  const others = lists.filter((list) => !ownNames.some((name) => name.equals(list.issuer)));
  const ended = others.filter(({ nextUpdateMs }) => (nextUpdateMs ?? Infinity) <= sources.nowMs);
  const good = others.filter((list) => !ended.includes(list));
  return succeed(listsOf(sources, lists, good), ended.length === 0 ? [] : [warnOfEnded(file)]);
}

/** `good`: those in the file that are of other issuers and current. */
function listsOf(
  sources: PublicationSources,
  inFile: readonly RevocationListFacts[],
  good: readonly RevocationListFacts[],
): PublishedLists {
  const { certificates } = sources.revocations;
  const issuers = sources.issuers.map((issuer) => publishedIssuer(issuer, sources, inFile));
  const serialsInFile = new Set(inFile.flatMap(({ serials }) => serials));
  const recorded = certificates.map(({ serial, issuer }) => [serial, issuer]);
  const serials = sources.issuers.map(({ certificate }) => certificate.serial);
  const standingPem = [...issuers.map(({ listPem }) => listPem), ...good.map(({ pem }) => pem)].join('');
  const standingKey = JSON.stringify([recorded, serials, [...serialsInFile], good.map(({ pem }) => pem)]);
  const isRevoked = certificates.length > 0 || inFile.length > 0;
  const names = [
    ...sources.issuers.map(({ certificate }) => certificate.subject),
    ...good.map((list) => list.issuer),
  ];
  return {
    pem: isRevoked ? standingPem : '',
    key: isRevoked ? standingKey : '',
    ...{ standingPem, standingKey, serialsInFile, issuers },
    issuerNames: [...new Set(names.map((name) => name.toString('hex')))],
  };
}

function publishedIssuer(
  issuer: LoadedAuthority,
  sources: PublicationSources,
  inFile: readonly RevocationListFacts[],
): PublishedIssuer {
  const { listPem, serials } = signFor(issuer, sources, inFile);
  const chain = issuer.intermediates.length > 0 ? issuer.intermediates : [issuer.certificate];
  return {
    chainPem: chain.map(({ der }) => encodePem('CERTIFICATE', der)),
    listPem,
    key: JSON.stringify(serials),
  };
}

/** By an issuer that is known here, and not with its key. */
const isForged = (list: RevocationListFacts, issuers: readonly LoadedAuthority[]): boolean => {
  const named = issuers
    .flatMap(({ certificate, intermediates, roots }) => [certificate, ...intermediates, ...roots])
    .filter(({ subject }) => subject.equals(list.issuer));
  return named.length > 0 && !named.some(({ x509 }) => list.isSignedBy(x509.publicKey));
};

const notSigned = (file: string): Refusal => ({
  code: 'forged-revocation-list',
  message: 'a revocation list is not signed by the issuer that it names',
  remedy: 'get it again from who keeps that issuer',
  file,
});

const warnOfEnded = (file: string): Diagnostic => ({
  ...refusalDiagnostic({
    code: 'revocation-list-expired',
    message: 'a revocation list of another issuer has ended and is left out: proxies would refuse everybody',
    remedy: 'get a newer one from who keeps that issuer',
    file,
  }),
  severity: 'warning',
});

function signFor(
  { certificate, privateKey }: LoadedAuthority,
  { revocations, nowMs }: PublicationSources,
  lists: readonly RevocationListFacts[],
): { readonly listPem: string; readonly serials: readonly string[] } {
  const identifier = certificate.subjectKeyIdentifier ?? keyIdentifier(certificate.spki);
  const issuer = identifier.toString('hex');
  const recorded = revocations.certificates.filter((each) => each.issuer === issuer || each.issuer === '');
  const inFile = lists
    .filter((list) => list.issuer.equals(certificate.subject))
    .flatMap(({ serials, thisUpdateMs }) => serials.map((serial) => ({ serial, revokedAtMs: thisUpdateMs })));
  const serials = new Map(
    [...inFile, ...recorded].map(({ serial, revokedAtMs }) => [serial, { serial, revokedAtMs }]),
  );
  const listPem = signRevocationList(
    {
      issuer: certificate.subject,
      issuerIdentifier: identifier,
      // What it says decides when it was made: lists that say the same are the same.
      thisUpdateMs: Math.min(nowMs, latest([...serials.values()], certificate.notBeforeMs)) - BACK_DATE_MS,
      nextUpdateMs: Math.max(certificate.notAfterMs, nowMs) + DAY_MS,
      serials: [...serials.values()].sort((a, b) => (a.serial < b.serial ? -1 : 1)),
    },
    signerFor(privateKey),
  );
  return { listPem, serials: [...serials.keys()].sort() };
}

const latest = (entries: readonly { readonly revokedAtMs: number }[], least: number): number =>
  entries.reduce((most, { revokedAtMs }) => Math.max(most, revokedAtMs), least);
