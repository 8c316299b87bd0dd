// Hears from the control plane what to trust and who signs, and tells it what the proxy has taken of that. While nobody tells, what came with the certificate counts.
import { decodeBundle, encodeReport } from '@xebec/ca';
import type { Timers } from '@xebec/supervise';
import { backoffMs } from '../backoff.ts';
import type { SecretStore } from '../sds/secrets.ts';
import type { DuplexStream } from '../xds-proxy/upstream.ts';
import type { WorkloadIdentity } from './workload-identity.ts';

export interface TrustFollowing {
  readonly open: () => DuplexStream;
  readonly identity: WorkloadIdentity;
  readonly secrets: Pick<SecretStore, 'deliveries'>;
  /** Envoy's node id. */
  readonly node: string;
  readonly timers: Timers;
  readonly random: () => number;
}

const backoff = { firstMs: 200, longestMs: 5_000 };
/** The workload's own: see `secrets.ts`. */
const ownNames = ['default', 'ROOTCA'];

/** Follows until disposed, over any number of connections. */
export function followTrust(options: TrustFollowing): Disposable {
  const following = new Following(options);
  following.connect();
  return following;
}

class Following implements Disposable {
  readonly #options: TrustFollowing;
  readonly #watches: readonly Disposable[];
  #stream: DuplexStream | undefined;
  #retry: Disposable | undefined;
  #failures = 0;
  #reported = '';
  /** What the proxy has taken; it stays so while something newer is on its way. */
  #inForce: ReturnType<typeof describe> | undefined;

  constructor(options: TrustFollowing) {
    this.#options = options;
    const report = (): void => this.#report();
    this.#watches = [options.identity.subscribe(report), options.secrets.deliveries.subscribe(report)];
  }

  connect(): void {
    const stream = this.#options.open();
    this.#stream = stream;
    this.#reported = '';
    stream.on('data', (message: Buffer) => {
      const bundle = decodeBundle(message);
      if (bundle === undefined) return;
      this.#failures = 0;
      this.#options.identity.trust(bundle);
      this.#report();
    });
    stream.on('error', () => undefined);
    stream.once('status', () => this.#lost(stream));
  }

  #lost(stream: DuplexStream): void {
    if (this.#stream !== stream) return;
    this.#stream = undefined;
    this.#options.identity.trust(undefined);
    this.#failures += 1;
    const { timers, random } = this.#options;
    this.#retry = timers.inBackground(backoffMs(backoff, this.#failures, random), () => this.connect());
  }

  /** Once per change. */
  #report(): void {
    const { identity, secrets, node } = this.#options;
    const problem = secrets.deliveries.missing(ownNames);
    if (problem === '') this.#inForce = describe(identity.current);
    if (this.#stream === undefined || this.#inForce === undefined) return;
    const report = { node, ...this.#inForce, problem };
    const text = JSON.stringify(report);
    if (text === this.#reported) return;
    this.#reported = text;
    this.#stream.write(encodeReport(report));
  }

  [Symbol.dispose](): void {
    for (const watch of this.#watches) watch[Symbol.dispose]();
    this.#retry?.[Symbol.dispose]();
    const stream = this.#stream;
    this.#stream = undefined;
    stream?.cancel();
  }
}

const describe = ({ bundle, issuer, serial, notBefore, notAfter }: WorkloadIdentity['current']) => ({
  bundle,
  issuer,
  serial,
  notBefore,
  notAfter,
});
