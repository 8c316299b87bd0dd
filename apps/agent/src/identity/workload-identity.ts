// A workload's key and certificate: made here, kept in memory only, renewed in time, and replaced as one.
import type { Credential, KeyAndCsr, ReceivedCertificate, TrustBundle } from '@xebec/ca';
import type { Result } from '@xebec/std';
import { succeed } from '@xebec/std';
import type { Timers } from '@xebec/supervise';
import { pause, unlessAborted } from '../backoff.ts';
import { inWords, refuse } from '../problem.ts';
import { hurryDelayMs, isNearItsEnd, renewalDelayMs, retryDelayMs } from './renewal.ts';

/** What a workload presents and whom it trusts: the key belongs to the certificate, always. */
export interface IdentityMaterial {
  readonly spiffeId: string;
  readonly certificatesPem: string;
  readonly privateKeyPem: string;
  readonly rootsPem: readonly string[];
  /** Revocation lists; empty where none were told. */
  readonly revocationsPem: string;
  /** What peers are verified by; empty: the roots. */
  readonly anchorsPem: readonly string[];
  /** Hash of the bundle that the two are from; empty while they are those that came with the certificate. */
  readonly bundle: string;
  /** Key identifier of who signed the certificate. */
  readonly issuer: string;
  readonly serial: string;
  /** Milliseconds since the epoch. */
  readonly issuedAt: number;
  readonly notBefore: number;
  readonly notAfter: number;
}

export interface IdentitySources {
  /** A new key and the request for it. */
  createKey(spiffeId: string): Promise<Result<KeyAndCsr>>;
  /** A one-time token for this identity. */
  issueToken(): Promise<Result<string>>;
  /** `trusted`: roots that are held already. */
  requestCertificate(
    credential: Credential,
    csrPem: string,
    trusted: readonly string[],
  ): Promise<Result<ReceivedCertificate>>;
}

export interface IdentityChange {
  readonly change: 'issued' | 'renewed' | 'delayed' | 'expiring';
  readonly notAfter?: number;
  readonly message: string;
}

export interface IdentityOptions {
  readonly spiffeId: string;
  readonly sources: IdentitySources;
  readonly timers: Timers;
  /** Milliseconds since the epoch. */
  readonly clock: () => number;
  readonly random: () => number;
  readonly onChange: (change: IdentityChange) => void;
}

export interface WorkloadIdentity extends Disposable {
  readonly current: IdentityMaterial;
  /**
   * What to trust from now on, instead of what comes with certificates. A certificate of another issuer than the one it names is renewed soon.
   * Undefined: nobody tells any more, and certificates say it again.
   */
  trust(bundle: TrustBundle | undefined): void;
  /** Called after every renewal and every change of what is trusted, until disposed. */
  subscribe(listener: (material: IdentityMaterial) => void): Disposable;
}

const firstLifeMs = 20_000;

/** Gets the first certificate, however long that takes, and renews from then on; undefined when aborted before. */
export async function openIdentity(
  options: IdentityOptions,
  signal: AbortSignal,
): Promise<WorkloadIdentity | undefined> {
  const { timers, random, onChange } = options;
  for (let failures = 1; !signal.aborted; failures += 1) {
    const issued = await unlessAborted(obtain(options, undefined), signal);
    if (issued === undefined) return undefined;
    if (issued.ok) {
      const material = { ...issued.value, revocationsPem: '', anchorsPem: [], bundle: '' };
      onChange(described('issued', material));
      return new RenewedIdentity(options, material);
    }
    onChange({ change: 'delayed', message: `no certificate yet: ${inWords(issued.diagnostics)}` });
    await pause(timers, retryDelayMs(firstLifeMs, failures, random), signal);
  }
  return undefined;
}

/** What is trusted may be told apart from certificates. */
type Trusted = Pick<IdentityMaterial, 'rootsPem' | 'revocationsPem' | 'anchorsPem' | 'bundle'>;
type Obtained = Omit<IdentityMaterial, 'revocationsPem' | 'anchorsPem' | 'bundle'>;

/** With the certificate that is held while it is good, with a new token otherwise. */
async function obtain(
  { spiffeId, sources, clock }: IdentityOptions,
  holder: IdentityMaterial | undefined,
): Promise<Result<Obtained>> {
  const key = await sources.createKey(spiffeId);
  if (!key.ok) return key;
  const credential = await credentialOf(sources, holder, clock());
  if (!credential.ok) return credential;
  const received = await sources.requestCertificate(
    credential.value,
    key.value.csrPem,
    holder?.rootsPem ?? [],
  );
  if (!received.ok) return received;
  if (received.value.spiffeId !== spiffeId) return wrongIdentity(spiffeId, received.value.spiffeId);
  const skewed = refuseSkewed(received.value, clock());
  if (skewed !== undefined) return skewed;
  const { privateKeyPem } = key.value;
  return succeed({ ...received.value, privateKeyPem, issuedAt: clock() });
}

async function credentialOf(
  sources: IdentitySources,
  holder: IdentityMaterial | undefined,
  nowMs: number,
): Promise<Result<Credential>> {
  if (holder !== undefined && nowMs < holder.notAfter) {
    const { certificatesPem, privateKeyPem } = holder;
    return succeed({ kind: 'certificate', certificatesPem, privateKeyPem });
  }
  const token = await sources.issueToken();
  return token.ok ? succeed({ kind: 'token', token: token.value }) : token;
}

const wrongIdentity = (wanted: string, got: string): Result<never> =>
  refuse({
    code: 'wrong-identity',
    message: `asked for a certificate of ${wanted} and got one of ${got}`,
    remedy: 'check that agent and control plane agree on the trust domain',
  });

/** A certificate that does not count by this machine's clock would fail every call: the one that is held is better, and people are told why. */
function refuseSkewed(
  { notBefore, notAfter }: ReceivedCertificate,
  nowMs: number,
): Result<never> | undefined {
  if (nowMs >= notBefore && nowMs < notAfter) return undefined;
  const isBehind = nowMs < notBefore;
  const bySeconds = Math.ceil((isBehind ? notBefore - nowMs : nowMs - notAfter) / 1_000);
  const end = isBehind ? `begins in ${bySeconds} s` : `ended ${bySeconds} s ago`;
  return refuse({
    code: isBehind ? 'clock-behind' : 'clock-ahead',
    message: `by the clock of this machine, ${new Date(nowMs).toISOString()}, the new certificate ${end}`,
    remedy: 'set the clocks of this machine and of the control plane (NTP)',
  });
}

const described = (
  change: 'issued' | 'renewed',
  { spiffeId, notAfter }: IdentityMaterial,
): IdentityChange => ({
  change,
  notAfter,
  message: `${change} a certificate for ${spiffeId}, good until ${new Date(notAfter).toISOString()}`,
});

const trustedIn = ({ hash, rootsPem, revocationsPem, anchorsPem }: TrustBundle): Trusted => ({
  rootsPem,
  revocationsPem,
  anchorsPem,
  bundle: hash,
});

class RenewedIdentity implements WorkloadIdentity {
  current: IdentityMaterial;
  readonly #options: IdentityOptions;
  readonly #listeners = new Set<(material: IdentityMaterial) => void>();
  readonly #stop = new AbortController();
  #told: TrustBundle | undefined;
  /** Ends the wait for the next renewal. */
  #hurry = new AbortController();

  constructor(options: IdentityOptions, first: IdentityMaterial) {
    this.#options = options;
    this.current = first;
    void this.#run();
  }

  subscribe(listener: (material: IdentityMaterial) => void): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }

  trust(bundle: TrustBundle | undefined): void {
    this.#told = bundle;
    if (bundle === undefined || this.#stop.signal.aborted) return;
    if (bundle.hash !== this.current.bundle) {
      this.current = { ...this.current, ...trustedIn(bundle) };
      this.#tell();
    }
    if (this.#isOfFormerIssuer()) this.#hurry.abort();
  }

  #isOfFormerIssuer(): boolean {
    const wanted = this.#told?.issuer ?? '';
    return wanted !== '' && wanted !== this.current.issuer;
  }

  #tell(): void {
    for (const listener of [...this.#listeners]) listener(this.current);
  }

  /** Nothing is told or changed afterwards, whatever is still under way. */
  [Symbol.dispose](): void {
    this.#stop.abort();
    this.#listeners.clear();
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop;
    const { timers, random } = this.#options;
    for (let hurried = 0; !signal.aborted; ) {
      const { issuedAt, notAfter } = this.current;
      await pause(
        timers,
        renewalDelayMs(notAfter - issuedAt, random),
        AbortSignal.any([signal, this.#hurry.signal]),
      );
      if (this.#hurry.signal.aborted) {
        hurried += 1;
        await pause(timers, hurryDelayMs(notAfter - issuedAt, hurried, random), signal);
      } else {
        hurried = 0;
      }
      this.#hurry = new AbortController();
      await this.#renew(signal);
      if (this.#isOfFormerIssuer()) this.#hurry.abort();
    }
  }

  async #renew(signal: AbortSignal): Promise<void> {
    const { timers, random, onChange } = this.#options;
    const { issuedAt, notAfter } = this.current;
    const progress = { isAlarmed: false, isDenied: false };
    for (let failures = 1; !signal.aborted; failures += 1) {
      const renewed = await obtain(this.#options, progress.isDenied ? undefined : this.current);
      if (signal.aborted) return;
      if (renewed.ok) {
        this.#replace(renewed.value);
        return;
      }
      const reason = inWords(renewed.diagnostics);
      onChange({ change: 'delayed', notAfter, message: `renewal failed, trying again: ${reason}` });
      progress.isDenied = renewed.diagnostics.some(({ code }) => code === 'certificate-denied');
      this.#alarm(progress, reason);
      await pause(timers, retryDelayMs(notAfter - issuedAt, failures, random), signal);
    }
  }

  #replace(obtained: Obtained): void {
    const told = this.#told;
    const { revocationsPem, anchorsPem } = this.current;
    const trusted: Trusted =
      told === undefined
        ? { rootsPem: obtained.rootsPem, revocationsPem, anchorsPem, bundle: '' }
        : trustedIn(told);
    this.current = { ...obtained, ...trusted };
    this.#tell();
    this.#options.onChange(described('renewed', this.current));
  }

  /** Once per certificate. */
  #alarm(progress: { isAlarmed: boolean }, reason: string): void {
    const { clock, onChange } = this.#options;
    const { spiffeId, notAfter } = this.current;
    if (progress.isAlarmed || !isNearItsEnd(this.current, clock())) return;
    progress.isAlarmed = true;
    const until = new Date(notAfter).toISOString();
    onChange({
      change: 'expiring',
      notAfter,
      message: `the certificate of ${spiffeId} ends at ${until} and cannot be renewed: ${reason}`,
    });
  }
}
