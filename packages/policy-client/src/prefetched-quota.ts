// Quota taken before it is needed, so that most calls ask nobody. The rule: what is here was granted by the service and is used once; what runs out of time is lost to this client, never used late.
import type { Attributes, QuotaResult } from '@xebec/protos/xebec/policy/v1/policy_pb';
import { AnswersByReference } from './shapes.ts';

interface Pool {
  units: bigint;
  untilMs: number;
  /** Units that the last prefetch asked for. */
  asked: bigint;
}

export interface PrefetchLimits {
  readonly most: bigint;
  readonly mostPools: number;
}

const mostQuotas = 256;

export class PrefetchedQuota {
  readonly #byQuota = new Map<string, AnswersByReference<Pool>>();
  readonly #limits: PrefetchLimits;
  readonly #now: () => number;

  constructor(limits: PrefetchLimits, now: () => number) {
    this.#limits = limits;
    this.#now = now;
  }

  has(quota: string, attributes: Attributes, amount: bigint): boolean {
    return (this.#pool(quota, attributes)?.units ?? -1n) >= amount;
  }

  /** Only after `has`. */
  use(quota: string, attributes: Attributes, amount: bigint): void {
    const pool = this.#pool(quota, attributes);
    if (pool !== undefined) pool.units -= amount;
  }

  /** How much to ask for when so much is needed now: twice as much as last time, within the bound. */
  amountFor(quota: string, attributes: Attributes, amount: bigint): bigint {
    const pool = this.#byQuota.get(quota)?.find(attributes, () => true);
    const wanted = (pool?.asked ?? amount) * 2n;
    const bounded = wanted > this.#limits.most ? this.#limits.most : wanted;
    return bounded < amount ? amount : bounded;
  }

  /** Adds a grant, of which `amount` is used at once if it suffices. */
  add(
    quota: string,
    attributes: Attributes,
    grant: { readonly result: QuotaResult; readonly asked: bigint; readonly used: bigint },
  ): void {
    const { result, asked, used } = grant;
    const left = (this.#pool(quota, attributes)?.units ?? 0n) + result.granted - used;
    const validMs =
      Number(result.validDuration?.seconds ?? 0n) * 1_000 + (result.validDuration?.nanos ?? 0) / 1e6;
    if (!this.#byQuota.has(quota) && this.#byQuota.size >= mostQuotas) return;
    const pools =
      this.#byQuota.get(quota) ?? new AnswersByReference<Pool>({ mostEntries: this.#limits.mostPools });
    this.#byQuota.set(quota, pools);
    pools.keep(attributes, result.references, { units: left, untilMs: this.#now() + validMs, asked });
  }

  #pool(quota: string, attributes: Attributes): Pool | undefined {
    const pool = this.#byQuota.get(quota)?.find(attributes, () => true);
    return pool === undefined || this.#now() >= pool.untilMs ? undefined : pool;
  }
}
