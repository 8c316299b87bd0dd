// The policy service's own certificate: got with a one-time token, kept in memory only, renewed at half its life, and what it trusts with it.
import {
  type Credential,
  createKeyAndCsr,
  type ReceivedCertificate,
  requestCertificate,
  type TrustBundle,
} from '@xebec/ca';
import { fail, type Result, succeed } from '@xebec/std';
import type { KeptIdentity } from './kept-identity.ts';
import { pause, retryMs } from './pause.ts';

/** The key belongs to the certificate, always. */
export interface IdentityMaterial extends ReceivedCertificate {
  readonly privateKeyPem: string;
  /** Milliseconds since the epoch. */
  readonly issuedAt: number;
  /** Lists of what was taken back, as the mesh last told; empty: nothing. */
  readonly revocationsPem: string;
}

type Obtained = Omit<IdentityMaterial, 'revocationsPem'>;

export interface IdentityOptions {
  readonly spiffeId: string;
  readonly address: string;
  readonly serverName: string;
  readonly readRoots: () => Promise<Result<string>>;
  readonly issueToken: () => Promise<Result<string>>;
  readonly ttlMs?: number;
  readonly onMessage: (message: string) => void;
  /** Where the last certificate is kept, for starts while the control plane is away. */
  readonly kept: KeptIdentity;
}

export interface PolicyIdentity extends Disposable {
  readonly current: IdentityMaterial;
  /** What to trust from now on. A certificate of another issuer than the one it names is renewed at once. */
  trust(bundle: TrustBundle): void;
  /** Called after every change. */
  subscribe(listener: (material: IdentityMaterial) => void): Disposable;
}

const deadlineMs = 10_000;

/** Asks until there is a certificate; undefined when aborted before. */
export async function openIdentity(
  options: IdentityOptions,
  signal: AbortSignal,
): Promise<PolicyIdentity | undefined> {
  for (let failures = 0; !signal.aborted; failures += 1) {
    const obtained = await obtain(options, undefined);
    if (signal.aborted) return undefined;
    if (obtained.ok) {
      options.onMessage(`has a certificate for ${obtained.value.spiffeId}`);
      // What was taken back stays so until the mesh says otherwise, over restarts too.
      const revocationsPem = options.kept.load()?.revocationsPem ?? '';
      const first = { ...obtained.value, revocationsPem };
      options.kept.save(first);
      return new RenewedIdentity(options, first);
    }
    options.onMessage(`no certificate yet: ${inWords(obtained)}`);
    const kept = options.kept.load();
    if (kept !== undefined && kept.spiffeId === options.spiffeId && Date.now() < kept.notAfter) {
      options.onMessage(
        `goes on with the certificate of an earlier run, good until ${new Date(kept.notAfter).toISOString()}`,
      );
      return new RenewedIdentity(options, kept);
    }
    await pause(retryMs(failures), signal);
  }
  return undefined;
}

const inWords = (failed: Result<unknown>): string =>
  failed.ok ? '' : failed.diagnostics.map(({ message }) => message).join('; ');

async function obtain(
  options: IdentityOptions,
  holder: IdentityMaterial | undefined,
): Promise<Result<Obtained>> {
  const key = await createKeyAndCsr(options.spiffeId);
  if (!key.ok) return key;
  const roots = await options.readRoots();
  const rootsPem = [...(roots.ok ? [roots.value] : []), ...(holder?.rootsPem ?? [])];
  if (!roots.ok && rootsPem.length === 0) return roots;
  const credential = await credentialOf(options, holder);
  if (!credential.ok) return credential;
  const received = await requestCertificate({
    ...{ address: options.address, serverName: options.serverName, rootsPem, deadlineMs },
    credential: credential.value,
    csrPem: key.value.csrPem,
    ...(options.ttlMs === undefined ? {} : { ttlMs: options.ttlMs }),
  });
  if (!received.ok) return received;
  if (received.value.spiffeId !== options.spiffeId) return wrongIdentity(options.spiffeId, received.value);
  return succeed({
    ...received.value,
    privateKeyPem: key.value.privateKeyPem,
    issuedAt: Date.now(),
  });
}

const wrongIdentity = (wanted: string, { spiffeId }: ReceivedCertificate): Result<never> =>
  fail({
    severity: 'error',
    code: 'wrong-identity',
    message: `asked for a certificate of ${wanted} and got one of ${spiffeId}`,
    remedy: 'check that policy service and control plane agree on the trust domain',
  });

async function credentialOf(
  { issueToken }: IdentityOptions,
  holder: IdentityMaterial | undefined,
): Promise<Result<Credential>> {
  if (holder !== undefined && Date.now() < holder.notAfter) {
    const { certificatesPem, privateKeyPem } = holder;
    return succeed({ kind: 'certificate', certificatesPem, privateKeyPem });
  }
  const token = await issueToken();
  return token.ok ? succeed({ kind: 'token', token: token.value }) : token;
}

class RenewedIdentity implements PolicyIdentity {
  current: IdentityMaterial;
  readonly #options: IdentityOptions;
  readonly #listeners = new Set<(material: IdentityMaterial) => void>();
  readonly #stop = new AbortController();
  #hurry = new AbortController();
  #told: TrustBundle | undefined;

  constructor(options: IdentityOptions, first: IdentityMaterial) {
    this.#options = options;
    this.current = first;
    void this.#run();
  }

  subscribe(listener: (material: IdentityMaterial) => void): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }

  trust(bundle: TrustBundle): void {
    this.#told = bundle;
    const { rootsPem, revocationsPem } = bundle;
    const isOther =
      rootsPem.join() !== this.current.rootsPem.join() || revocationsPem !== this.current.revocationsPem;
    if (isOther) {
      this.#become({ ...this.current, rootsPem, revocationsPem });
      this.#options.kept.save(this.current);
    }
    if (bundle.issuer !== '' && bundle.issuer !== this.current.issuer) this.#hurry.abort();
  }

  [Symbol.dispose](): void {
    this.#stop.abort();
    this.#listeners.clear();
  }

  #become(material: IdentityMaterial): void {
    this.current = material;
    for (const listener of [...this.#listeners]) listener(material);
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      const { issuedAt, notAfter } = this.current;
      const delayMs = issuedAt + (notAfter - issuedAt) * (0.4 + Math.random() * 0.2) - Date.now();
      await pause(delayMs, AbortSignal.any([signal, this.#hurry.signal]));
      this.#hurry = new AbortController();
      await this.#renew(signal);
    }
  }

  async #renew(signal: AbortSignal): Promise<void> {
    let isDenied = false;
    for (let failures = 0; !signal.aborted; failures += 1) {
      const obtained = await obtain(this.#options, isDenied ? undefined : this.current);
      if (signal.aborted) return;
      if (obtained.ok) {
        const rootsPem = this.#told?.rootsPem ?? obtained.value.rootsPem;
        const { revocationsPem } = this.current;
        this.#become({ ...obtained.value, rootsPem, revocationsPem });
        this.#options.kept.save(this.current);
        this.#options.onMessage('renewed its certificate');
        return;
      }
      isDenied = obtained.diagnostics.some(({ code }) => code === 'certificate-denied');
      this.#options.onMessage(`renewal failed, trying again: ${inWords(obtained)}`);
      await pause(retryMs(failures), signal);
    }
  }
}
