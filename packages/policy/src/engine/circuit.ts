// Keeps calls away from a handler that fails: after some failures in a row none is made for a while, then one tries.

export interface CircuitLimits {
  readonly failuresToOpen: number;
  readonly openMs: number;
}

export class Circuit {
  readonly #limits: CircuitLimits;
  readonly #now: () => number;
  #failures = 0;
  #openUntil: number | undefined;
  #isTrying = false;

  constructor(limits: CircuitLimits, now: () => number) {
    this.#limits = limits;
    this.#now = now;
  }

  get isOpen(): boolean {
    return this.#openUntil !== undefined;
  }

  /** Whether a call may be made now; whoever gets true tells how it went. */
  admit(): boolean {
    if (this.#openUntil === undefined) return true;
    if (this.#isTrying || this.#now() < this.#openUntil) return false;
    this.#isTrying = true;
    return true;
  }

  succeeded(): void {
    this.#failures = 0;
    this.#openUntil = undefined;
    this.#isTrying = false;
  }

  /** The caller went away: says nothing about the handler. */
  abandoned(): void {
    this.#isTrying = false;
  }

  failed(): void {
    this.#failures++;
    this.#isTrying = false;
    if (this.#failures >= this.#limits.failuresToOpen) this.#openUntil = this.#now() + this.#limits.openMs;
  }
}
