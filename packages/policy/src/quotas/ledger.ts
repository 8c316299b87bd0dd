// The port of whoever counts quotas: in memory, or in Redis for many replicas. A call is atomic: all its counters are charged, or none.
import type { Status } from '../adapters/sdk.ts';
import type { Limit } from './limit.ts';

/** One counter that a call charges, and what it may hold. Limits come with each call: a changed limit counts at once. */
export interface CountedLimit {
  /** Names the counter: quota and dimensions (`counterKey`). */
  readonly counter: string;
  readonly limit: Limit;
  /** The counter is shared fairly among consumers. */
  readonly share?: Share;
}

/** Max-min fair: each consumer gets what it asks for, up to an equal (weighted) part of what the others leave. */
export interface Share {
  readonly consumer: string;
  /** Relative to the other consumers' weights; > 0. */
  readonly weight: number;
}

export interface QuotaCharge {
  /** At least one. */
  readonly counters: readonly CountedLimit[];
  /** int64; 0 asks without taking; negative gives back. */
  readonly amount: bigint;
  readonly isBestEffort: boolean;
  /** The same id within `deduplicationMs` is granted what it was granted first, and charged once; empty: none. */
  readonly deduplicationId: string;
  readonly deduplicationMs: number;
  /** Of an amount below 0: it was taken under that id, which may be used anew. */
  readonly releasedId?: string;
  /** Charged even above the limit, for what was used already and is known only now. */
  readonly isForced?: boolean;
}

export interface QuotaGrant {
  /** 0 OK; 8 RESOURCE_EXHAUSTED: refused; 3 INVALID_ARGUMENT; 11 OUT_OF_RANGE: counted, but the counter is full. */
  readonly status: Status;
  /** For a negative amount: what was given back, as a positive number. */
  readonly granted: bigint;
  /** How long the grant may be used. */
  readonly validDurationMs: number;
  /** The limit with the least left, after this call; what `x-ratelimit-*` say. */
  readonly limit: bigint;
  readonly remaining: bigint;
  /** When refused: how long until the same could be granted if nobody else asks; else until the limit is whole again. */
  readonly resetMs: number;
  /** The id was known; nothing was taken now. */
  readonly isRepeat?: true;
}

/** One counter as it stands. */
export interface CounterUsage {
  readonly counter: string;
  readonly kind: Limit['kind'];
  readonly limit: bigint;
  readonly used: bigint;
  /** May be below 0 after forced charges. */
  readonly remaining: bigint;
  readonly resetMs: number;
  /** Of a shared counter: what each consumer used, and may use now. */
  readonly consumers?: readonly {
    readonly consumer: string;
    readonly used: bigint;
    readonly share: bigint;
  }[];
}

export interface UsageQuery {
  /** Only counters whose name begins so; empty: all. */
  readonly prefix: string;
  /** Only counters after this one in order of names, for the next page. */
  readonly after?: string;
  /** At most so many. */
  readonly most: number;
}

/** Counters by the beginning of their names, or by their whole names. */
export type QuotaReset = { readonly prefix: string } | { readonly counters: readonly string[] };

type Eventually<T> = T | Promise<T>;

/** Rejections mean that the store cannot be reached: the rule's failure policy decides. */
export interface QuotaLedger {
  allocate(charge: QuotaCharge): Eventually<QuotaGrant>;
  /** In order of names. */
  inspect(query: UsageQuery): Eventually<readonly CounterUsage[]>;
  /** Forgets what was counted; how many counters there were. */
  reset(which: QuotaReset): Eventually<number>;
}

const separator = '\u001f';

/** The name of a counter: quota, then `NAME=VALUE` of its dimensions in order of names. */
export function counterKey(quota: string, dimensions: ReadonlyMap<string, string>): string {
  const parts = [...dimensions].sort(([a], [b]) => (a < b ? -1 : 1));
  return [quota, ...parts.map(([name, value]) => `${name}=${value}`)].map(escapePart).join(separator);
}

/** What `counterKey` put together. */
export function readCounterKey(key: string): {
  readonly quota: string;
  readonly dimensions: ReadonlyMap<string, string>;
} {
  const [quota = '', ...parts] = key.split(separator);
  const dimensions = parts.map((part): [string, string] => {
    const at = part.indexOf('=');
    return [part.slice(0, at), part.slice(at + 1)];
  });
  return { quota, dimensions: new Map(dimensions) };
}

/** The separator in a value would make two counters one. */
const escapePart = (part: string): string => part.replaceAll(separator, '\ufffd');
