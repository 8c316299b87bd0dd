// The authority over its life: one issuer signs, several roots may be trusted, and both change while it serves. Everything is read back from the disk after every step, by the same way as at a start.
import type { X509Certificate } from 'node:crypto';
import * as fs from 'node:fs';
import type { Diagnostic, Result } from '@xebec/std';
import { fail, succeed } from '@xebec/std';
import {
  type Authority,
  type AuthorityOptions,
  type AuthoritySettings,
  createAuthority,
  openAuthority,
  readSettings,
} from '../authority/authority.ts';
import { FILE, readAuthorityFiles } from '../authority/authority-files.ts';
import type { CertificateOrder, IssuedCertificate } from '../authority/issuance.ts';
import { encodePem } from '../der/pem.ts';
import { refuse } from '../refusal.ts';
import { type IssuedLog, openIssuedLog } from '../revocation/issued-log.ts';
import { type Revocations, writeRevocations } from '../revocation/revocations.ts';
import {
  checkRevocable,
  identityIsRevoked,
  type Revocable,
  withReinstated,
  withRevoked,
} from '../revocation/revoke.ts';
import {
  checkFederation,
  type FederatedTrust,
  type Federation,
  federatedTrust,
  noFederation,
  noTrust,
  type ShutOut,
} from '../trust/federation.ts';
import type { Publication } from '../trust/spiffe-bundle.ts';
import { type TrustBundle, trustBundle } from '../trust/trust-bundle.ts';
import { type CertificateOutline, digestOf, type LoadedState, loadFrom } from './loaded-state.ts';
import { certificatesOf, type NextAuthority, prepareNext } from './next-authority.ts';
import { forgetRotation, readRotation, settleFiles, writeRotation } from './rotation-files.ts';
import {
  nextStage,
  type Rotation,
  type RotationGoal,
  type RotationStage,
  rootsAt,
  signsWith,
  stageBack,
} from './rotation-plan.ts';

export interface LiveAuthority extends Omit<Authority, 'issue'>, Disposable {
  readonly bundle: TrustBundle;
  readonly rotation: Rotation | undefined;
  readonly certificates: readonly CertificateOutline[];
  /** Called after every change of what is trusted or of who signs. */
  subscribe(listener: () => void): Disposable;
  /** Begins a rotation, or lets the one under way go further. */
  rotate(wanted: NextAuthority & { readonly goal: RotationGoal }): Result<Rotation>;
  /** One step on, when everything before it is proven. Undefined: there is none to make. */
  advance(): Result<Rotation | undefined>;
  /** Trusts these domains beside the own one, each by its own roots. Refused whole when one root cannot be limited to its domain. */
  federate(federation: Federation): Result<void>;
  /** Those that are let in at present, and those that are not. */
  readonly federatedDomains: readonly string[];
  readonly shutOut: readonly ShutOut[];
  /** What other meshes may know: what is trusted here, and what was taken back. */
  readonly publication: Publication;
  rollBack(): Result<Rotation>;
  /** What was taken back. */
  readonly revocations: Revocations;
  /** Takes certificates back: one, or all of an identity, which then gets no other one. How many that are. */
  revoke(wanted: Revocable): Result<number>;
  /** Undoes `revoke`; how many certificates count again. */
  reinstate(wanted: Revocable): Result<number>;
  isRevoked(what: { readonly serial?: string; readonly identity?: string }): boolean;
  /** Reads the files again; what is not whole leaves the last good authority at work. */
  reload(): Result<void>;
}

/** Loads or makes the authority of a directory, and takes up a rotation where it was left. */
export function openLiveAuthority(options: AuthorityOptions): Result<LiveAuthority> {
  const settings = readSettings(options);
  if (!settings.ok) return settings;
  const recovered = recover(options.directory);
  if (!recovered.ok) return recovered;
  const renewed = recovered.value === undefined ? replaceEnded(settings.value) : succeed(undefined);
  if (!renewed.ok) return renewed;
  const opened = openAuthority(options);
  if (!opened.ok) return opened;
  const loaded = loadFrom(settings.value);
  if (!loaded.ok) return loaded;
  const authority = new RotatingAuthority(settings.value, loaded.value, opened.value.isNew);
  return succeed(authority, [...opened.warnings, ...loaded.warnings]);
}

function recover(directory: string): Result<Rotation | undefined> {
  if (!fs.existsSync(directory)) return succeed(undefined);
  const rotation = readRotation(directory);
  if (!rotation.ok) return rotation;
  const settled = settleFiles(directory, rotation.value);
  return settled.ok ? rotation : settled;
}

/** An intermediate that ended while nobody was looking is replaced by one of the same root, where its key and its days allow it. */
function replaceEnded(settings: AuthoritySettings): Result<void> {
  const { directory, clock } = settings;
  const files = readAuthorityFiles(directory);
  // What is wrong with them is told when they are loaded.
  if (!files.ok || files.value?.[FILE.rootKey] === undefined) return succeed(undefined);
  const nowMs = clock();
  const roots = certificatesOf(files.value[FILE.root]);
  const [ended] = certificatesOf(files.value[FILE.certificate]);
  if (ended === undefined || ended.notAfterMs > nowMs) return succeed(undefined);
  if (!roots.every(({ notAfterMs }) => notAfterMs > nowMs)) return succeed(undefined);
  const next = prepareNext(settings, { kind: 'intermediate' });
  if (!next.ok) return next;
  const rootsPem = roots.map(({ der }) => encodePem('CERTIFICATE', der));
  const rotation: Rotation = {
    ...{ id: new Date(nowMs).toISOString(), kind: 'intermediate', stage: 'retire', goal: 'retire' },
    ...{ startedAtMs: nowMs, stageSinceMs: nowMs, oldRootsPem: rootsPem, newRootsPem: rootsPem },
    ...{ oldIssuer: '', newIssuer: next.value.certificate.subjectKeyIdentifier?.toString('hex') ?? '' },
  };
  const written = writeRotation(directory, rotation);
  return written.ok ? settleFiles(directory, rotation) : written;
}

class RotatingAuthority implements LiveAuthority {
  readonly trustDomain: string;
  readonly isNew: boolean;
  bundle: TrustBundle;
  readonly #settings: AuthoritySettings;
  readonly #listeners = new Set<() => void>();
  readonly #issued: IssuedLog;
  #loaded: LoadedState;
  #federation = noFederation;
  #trust: FederatedTrust = noTrust;

  constructor(settings: AuthoritySettings, loaded: LoadedState, isNew: boolean) {
    this.#settings = settings;
    this.#loaded = loaded;
    this.trustDomain = settings.trustDomain;
    this.isNew = isNew;
    this.#issued = openIssuedLog(settings.directory, settings.clock);
    this.bundle = this.#bundle();
  }

  get rotation(): Rotation | undefined {
    return this.#loaded.rotation;
  }

  get certificates(): readonly CertificateOutline[] {
    return this.#loaded.certificates;
  }

  get rootsPem(): readonly string[] {
    return this.#trusted;
  }

  get issuerId(): string {
    return this.#issuer.issuerId;
  }

  get issuers(): readonly X509Certificate[] {
    const { main, next } = this.#loaded;
    return [...main.issuers, ...(next?.issuers ?? [])];
  }

  get notAfter(): number {
    return this.#issuer.notAfter;
  }

  async certify(order: CertificateOrder): Promise<Result<IssuedCertificate>> {
    const identity = order.spiffeId;
    if (this.isRevoked({ identity })) return refuse(identityIsRevoked);
    const issuer = this.#issuer;
    const issued = await issuer.certify(order);
    if (!issued.ok) return issued;
    // It may have been taken back meanwhile, when this certificate was in no log yet: then nobody gets it.
    if (this.isRevoked({ identity })) return refuse(identityIsRevoked);
    // And a rotation may have gone on: nobody gets a certificate of who signs no more.
    if (issuer.issuerId !== this.issuerId) return this.certify(order);
    const { serial, notAfter: notAfterMs } = issued.value;
    this.#issued.add({ serial, issuer: issuer.issuerId, identity, notAfterMs });
    return issued;
  }

  issueServer: Authority['issueServer'] = (request) => this.#issuer.issueServer(request);

  get revocations(): Revocations {
    return this.#loaded.revocations;
  }

  isRevoked({ serial, identity }: { readonly serial?: string; readonly identity?: string }): boolean {
    const { revocations, lists } = this.#loaded;
    if (identity !== undefined && revocations.identities.some((each) => each.identity === identity))
      return true;
    if (serial === undefined) return false;
    return revocations.certificates.some((each) => each.serial === serial) || lists.serialsInFile.has(serial);
  }

  revoke(wanted: Revocable): Result<number> {
    const checked = checkRevocable(wanted);
    if (!checked.ok) return checked;
    const held = this.#issued.find(checked.value);
    const atMs = { nowMs: this.#settings.clock(), longestMs: this.notAfter };
    return this.#record(withRevoked(this.#loaded.revocations, { wanted: checked.value, held, ...atMs }));
  }

  reinstate(wanted: Revocable): Result<number> {
    const checked = checkRevocable(wanted);
    return checked.ok ? this.#record(withReinstated(this.#loaded.revocations, checked.value)) : checked;
  }

  #record(revocations: Revocations): Result<number> {
    const before = this.#loaded.revocations.certificates.length;
    const written = writeRevocations(this.#settings.directory, revocations);
    const taken = written.ok ? this.#take() : written;
    return taken.ok ? succeed(Math.abs(revocations.certificates.length - before)) : taken;
  }

  subscribe(listener: () => void): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }

  [Symbol.dispose](): void {
    this.#listeners.clear();
    this.#issued[Symbol.dispose]();
  }

  rotate({ goal, ...wanted }: NextAuthority & { readonly goal: RotationGoal }): Result<Rotation> {
    const { rotation } = this.#loaded;
    if (rotation !== undefined && rotation.kind !== wanted.kind) return refuse(otherRotation(rotation));
    if (rotation !== undefined) return this.#goFurther(rotation, goal);
    const { clock, directory } = this.#settings;
    const prepared = prepareNext(this.#settings, wanted);
    if (!prepared.ok) return prepared;
    const nowMs = clock();
    const begun: Rotation = {
      id: new Date(nowMs).toISOString(),
      kind: wanted.kind,
      stage: 'trust',
      goal,
      startedAtMs: nowMs,
      stageSinceMs: nowMs,
      oldRootsPem: this.#loaded.main.rootsPem,
      newRootsPem: prepared.value.roots.map(({ der }) => encodePem('CERTIFICATE', der)),
      oldIssuer: this.#loaded.main.issuerId,
      newIssuer: createAuthority(this.#settings, { loaded: prepared.value, isNew: true }).issuerId,
    };
    const entered = this.#enter(begun);
    if (!entered.ok) void settleFiles(directory, undefined);
    return entered;
  }

  #goFurther(rotation: Rotation, goal: RotationGoal): Result<Rotation> {
    if (rotation.stage === 'withdraw' || rotation.stage === 'discard') {
      return refuse({
        code: 'rotation-is-rolled-back',
        message: 'a rotation is being rolled back',
        remedy: 'wait until it is over, and begin a new one; "xebec ca status" tells',
      });
    }
    return this.#enter({ ...rotation, goal });
  }

  advance(): Result<Rotation | undefined> {
    const { rotation } = this.#loaded;
    const stage = rotation === undefined ? undefined : nextStage(rotation);
    if (rotation === undefined || stage === undefined) return succeed(rotation);
    return stage === 'over' ? this.#finish() : this.#enter(this.#at(rotation, stage));
  }

  rollBack(): Result<Rotation> {
    const { rotation } = this.#loaded;
    const stage = rotation === undefined ? undefined : stageBack(rotation);
    if (rotation !== undefined && stage !== undefined) return this.#enter(this.#at(rotation, stage));
    return refuse({
      code: 'nothing-to-roll-back',
      message:
        rotation === undefined
          ? 'no rotation is under way'
          : `the rotation is at ${rotation.stage}: there is no way back from it`,
      remedy: 'begin a new rotation with "xebec ca rotate"',
    });
  }

  #at(rotation: Rotation, stage: RotationStage): Rotation {
    return { ...rotation, stage, stageSinceMs: this.#settings.clock() };
  }

  /** The record first, then the files, then what is at work. */
  #enter(rotation: Rotation): Result<Rotation> {
    const { directory } = this.#settings;
    const written = writeRotation(directory, rotation);
    if (!written.ok) return written;
    const settled = settleFiles(directory, rotation);
    if (!settled.ok) return settled;
    const reloaded = this.#take();
    return reloaded.ok ? succeed(rotation) : reloaded;
  }

  #finish(): Result<undefined> {
    const forgotten = forgetRotation(this.#settings.directory);
    if (!forgotten.ok) return forgotten;
    const reloaded = this.#take();
    return reloaded.ok ? succeed(undefined) : reloaded;
  }

  reload(): Result<void> {
    return digestOf(this.#settings.directory) === this.#loaded.digest ? succeed(undefined) : this.#take();
  }

  #take(): Result<void> {
    const loaded = loadFrom(this.#settings);
    if (!loaded.ok) return fail(...loaded.diagnostics.map(asWarningOfOldOne));
    this.#loaded = loaded.value;
    this.#renewBundle();
    return succeed(undefined);
  }

  federate(federation: Federation): Result<void> {
    const checked = checkFederation(federation);
    if (!checked.ok) return checked;
    this.#federation = federation;
    this.#renewBundle();
    return succeed(undefined);
  }

  get federatedDomains(): readonly string[] {
    return this.#trust.letIn;
  }

  get shutOut(): readonly ShutOut[] {
    return this.#trust.shutOut;
  }

  get publication(): Publication {
    return { rootsPem: this.#trusted, issuers: this.#loaded.lists.issuers };
  }

  #renewBundle(): void {
    const bundle = this.#bundle();
    const isChanged = bundle.hash !== this.bundle.hash || bundle.issuer !== this.bundle.issuer;
    this.bundle = bundle;
    if (isChanged) for (const listener of [...this.#listeners]) listener();
  }

  get #issuer(): Authority {
    const { main, next, rotation } = this.#loaded;
    return rotation !== undefined && next !== undefined && signsWith(rotation) === 'new' ? next : main;
  }

  get #trusted(): readonly string[] {
    const { rotation, main } = this.#loaded;
    return rotation === undefined ? main.rootsPem : rootsAt(rotation);
  }

  #bundle(): TrustBundle {
    const { lists } = this.#loaded;
    const rootsPem = this.#trusted;
    this.#trust = federatedTrust({ trustDomain: this.trustDomain, rootsPem, lists }, this.#federation);
    const { anchorsPem, revocationsPem, revocationsKey } = this.#trust;
    const parts = { rootsPem, revocationsPem, anchorsPem, issuer: this.#issuer.issuerId };
    return trustBundle(parts, revocationsKey);
  }
}

const otherRotation = ({ kind }: Rotation) => ({
  code: 'other-rotation',
  message: `a rotation of the ${kind} is under way`,
  remedy: 'wait until it is over ("xebec ca status" tells), or take it back with "xebec ca rollback"',
});

const asWarningOfOldOne = (diagnostic: Diagnostic): Diagnostic => ({
  ...diagnostic,
  message: `${diagnostic.message}; the authority as it was before stays at work`,
});
