// An authority whose keys are elsewhere: roots are trusted from `root-cert.pem`, certificates come from a signer and are checked before anybody gets them.
import { createHash, type X509Certificate } from 'node:crypto';
import * as fs from 'node:fs';
import * as path from 'node:path';
import type { Result } from '@xebec/std';
import { succeed } from '@xebec/std';
import type { AuthorityOptions, AuthoritySettings, ServerIssueRequest } from '../authority/authority.ts';
import { readSettings } from '../authority/authority.ts';
import { damaged, FILE } from '../authority/authority-files.ts';
import {
  type CertificateOrder,
  grantedTtlMs,
  type IssuedCertificate,
  type IssueRequest,
} from '../authority/issuance.ts';
import { SECOND_MS } from '../clock.ts';
import { encodePem } from '../der/pem.ts';
import { type Refusal, refuse } from '../refusal.ts';
import { type IssuedLog, openIssuedLog } from '../revocation/issued-log.ts';
import { noLists, type PublishedLists, publishLists } from '../revocation/published-lists.ts';
import {
  noRevocations,
  type Revocations,
  readRevocations,
  writeRevocations,
} from '../revocation/revocations.ts';
import {
  checkRevocable,
  identityIsRevoked,
  type Revocable,
  withReinstated,
  withRevoked,
} from '../revocation/revoke.ts';
import { type CertificateOutline, outlineOf } from '../rotation/loaded-state.ts';
import { certificatesOf } from '../rotation/next-authority.ts';
import {
  checkFederation,
  type FederatedTrust,
  type Federation,
  federatedTrust,
  noFederation,
  type ShutOut,
} from '../trust/federation.ts';
import type { Publication } from '../trust/spiffe-bundle.ts';
import { type TrustBundle, trustBundle } from '../trust/trust-bundle.ts';
import type { CertificateFacts } from '../x509/certificate-reader.ts';
import { checkAnswer } from './check-answer.ts';
import type { MeshAuthority, WithRequest } from './mesh-authority.ts';
import type { SignerHook } from './signer-hook.ts';

/** Needs `root-cert.pem` in the directory; nothing is made there. */
export function openExternalAuthority(options: AuthorityOptions, hook: SignerHook): Result<MeshAuthority> {
  const settings = readSettings(options);
  if (!settings.ok) return settings;
  const authority = new ExternalAuthority(settings.value, hook);
  const read = authority.reload();
  return read.ok ? succeed(authority, read.warnings) : read;
}

const noRotation: Refusal = {
  code: 'external-signer',
  message: 'certificates are signed elsewhere, so there is nothing here to rotate',
  remedy: `put both roots into ${FILE.root}, wait until "xebec ca status" shows that all have them, let the signer change, and take the old root out`,
};

const pemOf = ({ der }: CertificateFacts): string => encodePem('CERTIFICATE', der);

class ExternalAuthority implements MeshAuthority {
  readonly trustDomain: string;
  readonly isNew = false;
  readonly rotation = undefined;
  readonly #settings: AuthoritySettings;
  readonly #hook: SignerHook;
  readonly #issued: IssuedLog;
  readonly #listeners = new Set<() => void>();
  /** Intermediates that were seen at work, by their text. */
  readonly #intermediates = new Map<string, CertificateFacts>();
  #roots: readonly CertificateFacts[] = [];
  #revocations: Revocations = noRevocations;
  #lists: PublishedLists = noLists;
  #digest = '';
  #federation = noFederation;
  issuerId = '';

  constructor(settings: AuthoritySettings, hook: SignerHook) {
    this.trustDomain = settings.trustDomain;
    this.#settings = settings;
    this.#hook = hook;
    this.#issued = openIssuedLog(settings.directory, settings.clock);
  }

  get rootsPem(): readonly string[] {
    return this.#roots.map(pemOf);
  }

  get issuers(): readonly X509Certificate[] {
    return [...this.#intermediates.values(), ...this.#roots].map(({ x509 }) => x509);
  }

  get notAfter(): number {
    return Math.min(...[...this.#roots, ...this.#intermediates.values()].map(({ notAfterMs }) => notAfterMs));
  }

  get #trust(): FederatedTrust {
    const { rootsPem, trustDomain } = this;
    return federatedTrust({ trustDomain, rootsPem, lists: this.#lists }, this.#federation);
  }

  get bundle(): TrustBundle {
    const { anchorsPem, revocationsPem, revocationsKey } = this.#trust;
    const parts = { rootsPem: this.rootsPem, revocationsPem, anchorsPem, issuer: this.issuerId };
    return trustBundle(parts, revocationsKey);
  }

  get certificates(): readonly CertificateOutline[] {
    const intermediates = [...this.#intermediates.values()].filter(
      ({ subjectKeyIdentifier }) => subjectKeyIdentifier?.toString('hex') === this.issuerId,
    );
    return [
      ...this.#roots.map((root) => outlineOf('root', root)),
      ...intermediates.map((each) => outlineOf('intermediate', each)),
    ];
  }

  get revocations(): Revocations {
    return this.#revocations;
  }

  async certify(order: CertificateOrder): Promise<Result<IssuedCertificate>> {
    const { spiffeId: identity } = order;
    if (this.isRevoked({ identity })) return refuse(identityIsRevoked);
    const publicKey = await this.#settings.requestSigner.check(order.csrPem);
    if (!publicKey.ok) return publicKey;
    const issued = await this.#sign({ ...order, publicKey: publicKey.value, dnsNames: [], ipAddresses: [] });
    if (!issued.ok) return issued;
    // It may have been taken back meanwhile.
    if (this.isRevoked({ identity })) return refuse(identityIsRevoked);
    const { serial, notAfter: notAfterMs } = issued.value;
    this.#issued.add({ serial, issuer: this.issuerId, identity, notAfterMs });
    return issued;
  }

  issueServer(request: ServerIssueRequest & WithRequest): Promise<Result<IssuedCertificate>> {
    return this.#sign({ dnsNames: [], ipAddresses: [], ...request });
  }

  async #sign(
    request: Required<Pick<ServerIssueRequest, 'dnsNames' | 'ipAddresses'>> & IssueRequest & WithRequest,
  ) {
    const { publicKey, spiffeId, csrPem, dnsNames, ipAddresses } = request;
    const ttl = grantedTtlMs(this.#settings, request.ttlMs);
    if (!ttl.ok) return ttl;
    const notAfterMs = this.#settings.clock() + ttl.value;
    const asked = { spiffeId, dnsNames, ipAddresses, ttlSeconds: Math.ceil(ttl.value / SECOND_MS) };
    const answer = await this.#hook.sign({ csr: csrPem, ...asked });
    if (!answer.ok) return answer;
    const otherNames = dnsNames.length + ipAddresses.length;
    const expected = { publicKey, spiffeId, otherNames, notAfterMs };
    const nowMs = this.#settings.clock();
    const chain = checkAnswer(answer.value, { ...expected, nowMs, roots: this.#roots });
    return chain.ok ? this.#accept(chain.value) : chain;
  }

  #accept(chain: readonly CertificateFacts[]): Result<IssuedCertificate> {
    const [leaf, ...intermediates] = chain;
    if (leaf === undefined) return refuse(noRotation);
    for (const each of intermediates) this.#intermediates.set(pemOf(each), each);
    const issuer = leaf.authorityKeyIdentifier?.toString('hex') ?? '';
    if (issuer !== this.issuerId) {
      this.issuerId = issuer;
      this.#tell();
    }
    const presented = chain.map(pemOf);
    return succeed({
      chainPem: [...presented, this.rootsPem.join('')],
      certificatesPem: presented.join(''),
      serial: leaf.serial,
      notBefore: leaf.notBeforeMs,
      notAfter: leaf.notAfterMs,
    });
  }

  isRevoked({ serial, identity }: { readonly serial?: string; readonly identity?: string }): boolean {
    const { certificates, identities } = this.#revocations;
    if (identity !== undefined && identities.some((each) => each.identity === identity)) return true;
    if (serial === undefined) return false;
    return certificates.some((each) => each.serial === serial) || this.#lists.serialsInFile.has(serial);
  }

  /** At our own doors only: lists for proxies are the signer's to make (`ca-crl.pem`). */
  revoke(wanted: Revocable): Result<number> {
    const checked = checkRevocable(wanted);
    if (!checked.ok) return checked;
    const held = this.#issued.find(checked.value);
    const times = { nowMs: this.#settings.clock(), longestMs: this.notAfter };
    return this.#record(withRevoked(this.#revocations, { wanted: checked.value, held, ...times }));
  }

  reinstate(wanted: Revocable): Result<number> {
    const checked = checkRevocable(wanted);
    return checked.ok ? this.#record(withReinstated(this.#revocations, checked.value)) : checked;
  }

  #record(revocations: Revocations): Result<number> {
    const written = writeRevocations(this.#settings.directory, revocations);
    if (!written.ok) return written;
    const count = Math.abs(revocations.certificates.length - this.#revocations.certificates.length);
    this.#revocations = revocations;
    this.#tell();
    return succeed(count);
  }

  rotate(): Result<never> {
    return refuse(noRotation);
  }

  rollBack(): Result<never> {
    return refuse(noRotation);
  }

  advance(): Result<undefined> {
    return succeed(undefined);
  }

  federate(federation: Federation): Result<void> {
    const checked = checkFederation(federation);
    if (!checked.ok) return checked;
    const isSame = JSON.stringify(federation) === JSON.stringify(this.#federation);
    this.#federation = federation;
    if (!isSame) this.#tell();
    return succeed(undefined);
  }

  get federatedDomains(): readonly string[] {
    return this.#trust.letIn;
  }

  get shutOut(): readonly ShutOut[] {
    return this.#trust.shutOut;
  }

  /** Lists are the signer's to publish. */
  get publication(): Publication {
    return { rootsPem: this.rootsPem, issuers: [] };
  }

  reload(): Result<void> {
    const { directory, clock } = this.#settings;
    const file = path.join(directory, FILE.root);
    const pem = textOf(file);
    const digest = createHash('sha256')
      .update(pem)
      .update(textOf(path.join(directory, 'ca-crl.pem')))
      .digest('hex');
    if (digest === this.#digest) return succeed(undefined);
    const roots = certificatesOf(pem);
    if (roots.length === 0) return refuse(damaged(file, 'missing, or not made of certificates'));
    const revocations = readRevocations(directory);
    if (!revocations.ok) return revocations;
    const none = { certificates: [], identities: [] };
    const lists = publishLists({ directory, issuers: [], revocations: none, nowMs: clock() });
    if (!lists.ok) return lists;
    this.#roots = roots;
    this.#revocations = revocations.value;
    this.#lists = lists.value;
    this.#digest = digest;
    this.#tell();
    return succeed(undefined, lists.warnings);
  }

  subscribe(listener: () => void): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }

  #tell(): void {
    for (const listener of [...this.#listeners]) listener();
  }

  [Symbol.dispose](): void {
    this.#listeners.clear();
    this.#issued[Symbol.dispose]();
  }
}

function textOf(file: string): string {
  try {
    return fs.readFileSync(file, 'latin1');
  } catch {
    return '';
  }
}
