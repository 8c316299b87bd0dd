// What callers were granted, so that they can give back what they took and no more. The rule: nobody gives back what others took; bounded, and what was forgotten stays taken.
import type { AttributeBag } from '@xebec/policy';
import { sizeOf } from './report-bags.ts';

/** What one call was granted, and how much of it is not given back yet. */
export class Grant {
  /** Of the call that it was granted to: they say whose counters they are. */
  readonly attributes: AttributeBag;
  #left: bigint;
  #untilMs: number;

  /** `untilMs`: by then it is free by itself, and giving it back would give what others took. */
  constructor(amount: bigint, attributes: AttributeBag, untilMs: number) {
    this.attributes = attributes;
    this.#left = amount > 0n ? amount : 0n;
    this.#untilMs = untilMs;
  }

  get isEmpty(): boolean {
    return this.#left === 0n;
  }

  /** What may be given back of an amount, and counts as given back now; 0 asks for all that is left. */
  take(amount: bigint, nowMs: number): bigint {
    const taken = amount === 0n || amount > this.#left ? this.#left : amount;
    this.#left -= taken;
    return nowMs < this.#untilMs ? taken : 0n;
  }

  /** The same call came again: it holds what it held, from now on. */
  renew({ untilMs }: { readonly untilMs: number }): void {
    this.#untilMs = Math.max(this.#untilMs, untilMs);
  }

  /** More was taken under the same id, after some had been given back; what is over by now is not part of it. */
  add(other: Grant, nowMs: number): void {
    this.#left = (nowMs < this.#untilMs ? this.#left : 0n) + other.#left;
    this.#untilMs = other.#untilMs;
  }

  get untilMs(): number {
    return this.#untilMs;
  }
}

export interface GrantBookLimits {
  /** Milliseconds. */
  readonly rememberedMs: number;
  readonly grants: number;
  /** Of their attributes together. */
  readonly bytes: number;
}

const defaults: GrantBookLimits = { rememberedMs: 3_600_000, grants: 65_536, bytes: 64 * 1024 * 1024 };

interface Remembered {
  readonly grant: Grant;
  readonly bytes: number;
  readonly untilMs: number;
}

export class GrantBook {
  readonly #remembered = new Map<string, Remembered>();
  readonly #now: () => number;
  readonly #limits: GrantBookLimits;
  #bytes = 0;

  constructor(now: () => number, limits: Partial<GrantBookLimits> = {}) {
    this.#now = now;
    this.#limits = { ...defaults, ...limits };
  }

  /** The grant under this id: the one that is known already, as it is when the same call came again, else with what it took anew. */
  remember(key: string, grant: Grant, { isRepeat }: { readonly isRepeat: boolean }): Grant {
    if (grant.isEmpty) return grant;
    const known = this.#known(key);
    if (known !== undefined) {
      if (isRepeat) known.renew(grant);
      else known.add(grant, this.#now());
      return known;
    }
    const bytes = sizeOf(grant.attributes);
    this.#remembered.set(key, { grant, bytes, untilMs: this.#now() + this.#limits.rememberedMs });
    this.#bytes += bytes;
    this.#forgetOldest();
    return grant;
  }

  /** Takes out of the book what may be given back; 0 asks for all that is left. Undefined: there is no such grant. */
  take(
    key: string,
    amount: bigint,
  ): { readonly amount: bigint; readonly attributes: AttributeBag } | undefined {
    const grant = this.#known(key);
    if (grant === undefined) return undefined;
    const taken = grant.take(amount, this.#now());
    if (grant.isEmpty) this.#forget(key);
    return { amount: taken, attributes: grant.attributes };
  }

  #known(key: string): Grant | undefined {
    const found = this.#remembered.get(key);
    if (found === undefined) return undefined;
    if (!found.grant.isEmpty && found.untilMs >= this.#now()) return found.grant;
    this.#forget(key);
    return undefined;
  }

  #forget(key: string): void {
    this.#bytes -= this.#remembered.get(key)?.bytes ?? 0;
    this.#remembered.delete(key);
  }

  #forgetOldest(): void {
    const { grants, bytes } = this.#limits;
    for (const [key, { untilMs }] of this.#remembered) {
      const hasRoom = this.#remembered.size <= grants && this.#bytes <= bytes;
      if (hasRoom && untilMs >= this.#now()) return;
      this.#forget(key);
    }
  }
}
