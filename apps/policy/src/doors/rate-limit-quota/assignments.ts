// What a proxy may let through before it asks again. The rule: what is handed out was taken from the quota first, so that any number of proxies together stay below the limit; what one did not use is given back when it says so.

export interface Taken {
  readonly granted: bigint;
  /** What the quota has left; absent: nobody knows. */
  readonly remaining?: bigint;
  /** How long until what was taken is of a past window. */
  readonly validMs: number;
}

/** Takes units from a quota, as many as there are; 0 only asks, negative gives back. */
export type Take = (amount: bigint) => Promise<Taken>;

export interface Usage {
  readonly allowed: bigint;
  readonly denied: bigint;
}

export interface Assignment {
  /** Requests that may be let through from now on; 0: none. */
  readonly requests: bigint;
  /** How long it holds; the proxy fails as its rule says after it. */
  readonly validMs: number;
  /** Until a window of the quota ends, if that is before the proxy reports again. */
  readonly renewMs?: number;
}

export interface AssignmentLimits {
  /** Units of each request. */
  readonly charge: bigint;
  /** How long an assignment holds that is not renewed. */
  readonly validMs: number;
  /** How often proxies report. */
  readonly reportMs: number;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** Of what is left: for a proxy of which nobody knows yet how much it will take, and for one that may take more than before. */
const firstPart = 4n;
const reservePart = 16n;
/** Neither is more than this many requests. Less would refuse a burst while nearly all of a large quota is left. */
const mostAhead = 10_000n;

/** A bucket of one proxy. Calls must not overlap. */
export class AssignedBucket {
  readonly #take: Take;
  readonly #limits: AssignmentLimits;
  /** Taken from the quota and not yet reported as used. */
  #held = 0n;
  /** When what is held is of a past window. */
  #endsAtMs = Number.POSITIVE_INFINITY;
  /** Requests between the last two reports. */
  #demand = 0n;
  #idleReports = 0;
  #isNew = true;

  constructor(take: Take, limits: AssignmentLimits) {
    this.#take = take;
    this.#limits = limits;
  }

  get held(): bigint {
    return this.#held;
  }

  /** Reports in a row that told of no request. */
  get idleReports(): number {
    return this.#idleReports;
  }

  /** What was used is paid for; as much as is likely to be used until the next report is taken beforehand. */
  async report({ allowed, denied }: Usage): Promise<Assignment> {
    this.#forgetPast();
    const used = allowed * this.#limits.charge;
    const unpaid = used > this.#held ? used - this.#held : 0n;
    this.#held -= used - unpaid;
    if (unpaid > 0n) await this.#take(unpaid);
    const demand = allowed + denied;
    this.#idleReports = demand === 0n ? this.#idleReports + 1 : 0;
    this.#demand = demand === 0n ? this.#demand / 2n : demand;
    return this.#assign();
  }

  /** A window is over: what was taken of it is forgotten, and taken of the new one. */
  renew(): Promise<Assignment> {
    this.#forgetPast();
    return this.#assign();
  }

  /** The proxy is gone or does not use the bucket any more. */
  async close(): Promise<void> {
    this.#forgetPast();
    if (this.#held > 0n) await this.#take(-this.#held);
    this.#held = 0n;
  }

  #forgetPast(): void {
    if (this.#limits.now() < this.#endsAtMs) return;
    this.#held = 0n;
    this.#endsAtMs = Number.POSITIVE_INFINITY;
  }

  async #assign(): Promise<Assignment> {
    const { charge, validMs, reportMs, now } = this.#limits;
    const asked = await this.#take(0n);
    const wanted = this.#wanted(asked.remaining);
    const missing = wanted - this.#held;
    if (missing < 0n) await this.#giveBack(-missing);
    else if (missing > 0n) this.#held += (await this.#take(missing)).granted;
    // Parts of a request let nothing through.
    await this.#giveBack(this.#held % charge);
    this.#isNew = false;
    this.#endsAtMs = now() + asked.validMs;
    const requests = this.#held / charge;
    const isSoon = asked.validMs < reportMs + 1_000;
    return { requests, validMs, ...(isSoon ? { renewMs: Math.max(1, asked.validMs) } : {}) };
  }

  async #giveBack(amount: bigint): Promise<void> {
    if (amount <= 0n) return;
    this.#held -= amount;
    await this.#take(-amount);
  }

  /** Twice what was asked for since the last report, and some of what is left; never so much that others get nothing. */
  #wanted(remaining: bigint | undefined): bigint {
    const { charge } = this.#limits;
    const likely = this.#demand * 2n * charge;
    // Nobody limits it, or nobody can be asked and the rule lets everything pass.
    if (remaining === undefined) return most(likely, mostAhead * charge);
    const part = this.#isNew
      ? least(remaining / firstPart, mostAhead * charge)
      : least(remaining / reservePart, mostAhead * charge);
    const wanted = most(likely, part, remaining > 0n || this.#demand > 0n ? charge : 0n);
    return least(wanted, this.#held + remaining / 2n + charge);
  }
}

const least = (one: bigint, other: bigint): bigint => (one < other ? one : other);
const most = (...all: readonly bigint[]): bigint =>
  all.reduce((one, other) => (one > other ? one : other), 0n);
