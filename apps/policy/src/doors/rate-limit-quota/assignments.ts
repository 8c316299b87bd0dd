// What a proxy may let through before it asks again. The rule: what is handed out was taken from the quota first, so that any number of proxies together stay below the limit; what one did not use is given back when it says so.

/** Takes units from a quota; negative gives back. Answers what was granted. */
export type Take = (amount: bigint) => Promise<bigint>;

export interface Usage {
  readonly allowed: bigint;
  readonly denied: bigint;
  /** Since the last report. */
  readonly elapsedMs: number;
}

export interface Assignment {
  /** Units that may be let through from now on; 0: none. */
  readonly units: bigint;
  /** How long it holds; the proxy falls back to its own rule after it. */
  readonly validMs: number;
}

export interface AssignmentLimits {
  /** Units handed out at most at a time. */
  readonly most: bigint;
  readonly least: bigint;
  /** How long an assignment holds that is not renewed. */
  readonly validMs: number;
}

/** A bucket of one proxy. */
export class AssignedBucket {
  readonly #take: Take;
  readonly #limits: AssignmentLimits;
  /** Taken from the quota and not yet reported as used. */
  #held = 0n;

  constructor(take: Take, limits: AssignmentLimits) {
    this.#take = take;
    this.#limits = limits;
  }

  get held(): bigint {
    return this.#held;
  }

  /** What was used is paid for; as much as is likely to be used until the next report is taken beforehand. */
  async report({ allowed, denied }: Usage): Promise<Assignment> {
    const unpaid = allowed > this.#held ? allowed - this.#held : 0n;
    this.#held -= allowed - unpaid;
    if (unpaid > 0n) await this.#take(unpaid);
    const wanted = this.#wanted(allowed + denied);
    if (wanted < this.#held) {
      await this.#take(wanted - this.#held);
      this.#held = wanted;
    }
    const missing = wanted - this.#held;
    if (missing > 0n) this.#held += await this.#take(missing);
    return { units: this.#held, validMs: this.#limits.validMs };
  }

  /** The proxy is gone or does not use the bucket any more. */
  async close(): Promise<void> {
    if (this.#held > 0n) await this.#take(-this.#held);
    this.#held = 0n;
  }

  #wanted(demand: bigint): bigint {
    const { most, least } = this.#limits;
    const twice = demand * 2n;
    if (twice < least) return least;
    return twice > most ? most : twice;
  }
}
