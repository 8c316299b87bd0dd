// What callers were granted, so that they can give back what they took and no more. The rule: nobody gives back what others took; bounded, and what was forgotten stays taken.
import type { AttributeBag } from '@xebec/policy';

interface Grant {
  left: bigint;
  readonly attributes: AttributeBag;
  readonly untilMs: number;
}

const rememberedMs = 3_600_000;
const mostRemembered = 65_536;

export class GrantBook {
  readonly #grants = new Map<string, Grant>();
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
  }

  remember(key: string, amount: bigint, attributes: AttributeBag): void {
    if (amount <= 0n) return;
    this.#forgetOldest();
    if (!this.#grants.has(key))
      this.#grants.set(key, { left: amount, attributes, untilMs: this.#now() + rememberedMs });
  }

  /** Takes out of the book what may be given back; 0 asks for all that is left. Undefined: there is no such grant. */
  take(
    key: string,
    amount: bigint,
  ): { readonly amount: bigint; readonly attributes: AttributeBag } | undefined {
    const grant = this.#grants.get(key);
    if (grant === undefined || grant.untilMs < this.#now()) return undefined;
    const taken = amount === 0n || amount > grant.left ? grant.left : amount;
    grant.left -= taken;
    if (grant.left === 0n) this.#grants.delete(key);
    return { amount: taken, attributes: grant.attributes };
  }

  #forgetOldest(): void {
    for (const [key, { untilMs }] of this.#grants) {
      if (this.#grants.size < mostRemembered && untilMs >= this.#now()) return;
      this.#grants.delete(key);
    }
  }
}
