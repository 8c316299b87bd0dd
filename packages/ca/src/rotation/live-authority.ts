// The authority over its life: one issuer signs, several roots may be trusted, and both change while it serves. Everything is read back from the disk after every step, by the same way as at a start.
import { createHash, type X509Certificate } from 'node:crypto';
import * as fs from 'node:fs';
import * as path from 'node:path';
import type { Diagnostic, Result } from '@xebec/std';
import { fail, succeed } from '@xebec/std';
import {
  type Authority,
  type AuthorityOptions,
  type AuthoritySettings,
  createAuthority,
  loadAuthority,
  openAuthority,
  readSettings,
} from '../authority/authority.ts';
import { FILE } from '../authority/authority-files.ts';
import type { LoadedAuthority } from '../authority/authority-verification.ts';
import { encodePem } from '../der/pem.ts';
import { refuse } from '../refusal.ts';
import { type TrustBundle, trustBundle } from '../trust/trust-bundle.ts';
import { type NextAuthority, prepareNext } from './next-authority.ts';
import { forgetRotation, nextDirectory, readRotation, settleFiles, writeRotation } from './rotation-files.ts';
import {
  nextStage,
  type Rotation,
  type RotationGoal,
  type RotationStage,
  rootsAt,
  signsWith,
  stageBack,
} from './rotation-plan.ts';

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

export interface LiveAuthority extends Authority, Disposable {
  readonly bundle: TrustBundle;
  readonly rotation: Rotation | undefined;
  readonly certificates: readonly CertificateOutline[];
  /** Called after every change of what is trusted or of who signs. */
  subscribe(listener: () => void): Disposable;
  /** Begins a rotation, or lets the one under way go further. */
  rotate(wanted: NextAuthority & { readonly goal: RotationGoal }): Result<Rotation>;
  /** One step on, when everything before it is proven. Undefined: there is none to make. */
  advance(): Result<Rotation | undefined>;
  rollBack(): Result<Rotation>;
  /** Reads the files again; what is not whole leaves the last good authority at work. */
  reload(): Result<void>;
}

interface Loaded {
  readonly main: Authority;
  readonly next: Authority | undefined;
  readonly rotation: Rotation | undefined;
  readonly certificates: readonly CertificateOutline[];
  readonly digest: string;
}

/** Loads or makes the authority of a directory, and takes up a rotation where it was left. */
export function openLiveAuthority(options: AuthorityOptions): Result<LiveAuthority> {
  const settings = readSettings(options);
  if (!settings.ok) return settings;
  const { directory } = options;
  const recovered = recover(directory);
  if (!recovered.ok) return recovered;
  const opened = openAuthority(options);
  if (!opened.ok) return opened;
  const loaded = load(settings.value);
  if (!loaded.ok) return loaded;
  return succeed(new RotatingAuthority(settings.value, loaded.value, opened.value.isNew), opened.warnings);
}

function recover(directory: string): Result<Rotation | undefined> {
  if (!fs.existsSync(directory)) return succeed(undefined);
  const rotation = readRotation(directory);
  if (!rotation.ok) return rotation;
  const settled = settleFiles(directory, rotation.value);
  return settled.ok ? rotation : settled;
}

function load(settings: AuthoritySettings): Result<Loaded> {
  const { directory } = settings;
  const digest = digestOf(directory);
  const rotation = readRotation(directory);
  if (!rotation.ok) return rotation;
  const main = loadAuthority(settings);
  if (!main.ok) return main;
  const trusted = rotation.value === undefined ? [] : rootsAt(rotation.value);
  const next = loadNext(settings, rotation.value);
  if (next?.ok === false) return next;
  const make = (loaded: LoadedAuthority): Authority =>
    createAuthority(settings, { loaded, isNew: false, otherRootsPem: trusted });
  return succeed({
    main: make(main.value),
    next: next === undefined ? undefined : make(next.value),
    rotation: rotation.value,
    certificates: [
      ...outlinesOf(main.value, ''),
      ...(next === undefined ? [] : outlinesOf(next.value, 'next-')),
    ],
    digest,
  });
}

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
  const outline = (
    role: 'root' | 'intermediate',
    { x509, der, notBeforeMs, notAfterMs }: typeof certificate,
  ): CertificateOutline => ({
    role: `${prefix}${role}`,
    fingerprint: createHash('sha256').update(der).digest('hex'),
    subject: nameOf(x509),
    notBefore: notBeforeMs,
    notAfter: notAfterMs,
  });
  return [...roots.map((root) => outline('root', root)), outline('intermediate', certificate)];
}

const nameOf = ({ subject }: X509Certificate): string => /^CN=(.*)$/m.exec(subject)?.[1] ?? subject;

const WATCHED = [FILE.root, FILE.certificate, FILE.key, FILE.chain, FILE.rootKey] as const;

/** Of the contents, not of dates: what is renamed or linked into place shows. */
function digestOf(directory: string): string {
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

class RotatingAuthority implements LiveAuthority {
  readonly trustDomain: string;
  readonly isNew: boolean;
  bundle: TrustBundle;
  readonly #settings: AuthoritySettings;
  readonly #listeners = new Set<() => void>();
  #loaded: Loaded;

  constructor(settings: AuthoritySettings, loaded: Loaded, isNew: boolean) {
    this.#settings = settings;
    this.#loaded = loaded;
    this.trustDomain = settings.trustDomain;
    this.isNew = isNew;
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

  issue: Authority['issue'] = (request) => this.#issuer.issue(request);
  issueServer: Authority['issueServer'] = (request) => this.#issuer.issueServer(request);

  subscribe(listener: () => void): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }

  [Symbol.dispose](): void {
    this.#listeners.clear();
  }

  rotate({ goal, ...wanted }: NextAuthority & { readonly goal: RotationGoal }): Result<Rotation> {
    const { rotation } = this.#loaded;
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
    const loaded = load(this.#settings);
    if (!loaded.ok) return fail(...loaded.diagnostics.map(asWarningOfOldOne));
    this.#loaded = loaded.value;
    const bundle = this.#bundle();
    const isChanged = bundle.hash !== this.bundle.hash || bundle.issuer !== this.bundle.issuer;
    this.bundle = bundle;
    if (isChanged) for (const listener of [...this.#listeners]) listener();
    return succeed(undefined);
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
    return trustBundle({ rootsPem: this.#trusted, revocationsPem: '', issuer: this.#issuer.issuerId });
  }
}

const asWarningOfOldOne = (diagnostic: Diagnostic): Diagnostic => ({
  ...diagnostic,
  message: `${diagnostic.message}; the authority as it was before stays at work`,
});
