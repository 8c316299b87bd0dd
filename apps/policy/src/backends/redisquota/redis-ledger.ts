// The ledger in Redis or Valkey, for any number of policy services. A call that cannot be answered rejects; it is never granted by guess.
import { createHash } from 'node:crypto';
import {
  type CounterUsage,
  firstByName,
  isInt64,
  type Limit,
  type QuotaCharge,
  type QuotaGrant,
  type QuotaLedger,
  type UsageQuery,
  windowAt,
} from '@xebec/policy';

/** The few commands that are needed; scripts are run by their text's hash. */
export interface RedisCommands {
  allocate(keys: readonly string[], request: string): Promise<readonly string[]>;
  inspect(keys: readonly string[]): Promise<readonly (readonly string[])[]>;
  /** Names of keys that begin so, in any order, some maybe twice. */
  scan(prefix: string): AsyncIterable<readonly string[]>;
  remove(keys: readonly string[]): Promise<number>;
}

const counterPrefix = 'xebec:quota:';
const idPrefix = 'xebec:quota-id:';
const largest = BigInt(Number.MAX_SAFE_INTEGER);

export function createRedisLedger(redis: RedisCommands, now: () => number): QuotaLedger {
  return {
    async allocate(charge) {
      const problem = problemOf(charge);
      if (problem !== undefined) return refusal(3, problem);
      const keys = [...charge.counters.map(({ counter }) => counterPrefix + counter), ...idKeys(charge)];
      return readGrant(await redis.allocate(keys, requestOf(charge, now())), charge);
    },
    inspect: (query) => inspect(redis, query),
    async reset(which) {
      if ('counters' in which) {
        const keys = which.counters.map((name) => counterPrefix + name);
        return keys.length === 0 ? 0 : redis.remove(keys);
      }
      let removed = 0;
      for await (const keys of redis.scan(counterPrefix + which.prefix)) removed += await redis.remove(keys);
      return removed;
    },
  };
}

function problemOf({ counters, amount }: QuotaCharge): string | undefined {
  if (counters.length === 0) return 'no counter is named';
  if (!isInt64(amount)) return 'the amount does not fit a 64-bit whole number';
  const magnitude = amount < 0n ? -amount : amount;
  const isLarge = magnitude > largest || counters.some(({ limit }) => largestIn(limit) > largest);
  return isLarge ? `Redis counts exactly only up to ${largest}` : undefined;
}

/** A bucket is counted in parts of a token. */
const largestIn = (limit: Limit): bigint =>
  limit.kind === 'bucket' ? limit.amount * BigInt(limit.refillMs) : limit.amount;

/** Of the id in the charge's direction, and in the other; what is released has no direction of its own. */
function idKeys({ deduplicationId, releasedId, amount, counters }: QuotaCharge): readonly string[] {
  const keyOf = (direction: string, id: string): string =>
    id === ''
      ? ''
      : idPrefix +
        createHash('sha256')
          .update(JSON.stringify([direction, id, counters[0]?.counter]))
          .digest('base64url');
  if (releasedId !== undefined) return ['', keyOf('+', releasedId)];
  const directions = amount < 0n ? ['-', '+'] : ['+', '-'];
  return directions.map((direction) => keyOf(direction, deduplicationId));
}

function requestOf(charge: QuotaCharge, nowMs: number): string {
  const { counters, amount, isBestEffort, isForced = false, deduplicationMs } = charge;
  return JSON.stringify({
    amount: Number(amount),
    isBestEffort,
    isForced,
    id: charge.releasedId ?? charge.deduplicationId,
    deduplicationMs: Math.max(1, Math.ceil(deduplicationMs)),
    counters: counters.map(({ limit, share }) => ({
      ...parametersOf(limit, nowMs),
      ...(share === undefined ? {} : { consumer: share.consumer, weight: share.weight }),
    })),
  });
}

/** Calendars are not Redis's business: it is told when the present window begins and ends. */
function parametersOf(limit: Limit, nowMs: number): Readonly<Record<string, string | number>> {
  const { kind } = limit;
  const amount = Number(limit.amount);
  switch (kind) {
    case 'fixed': {
      if (limit.window.kind === 'span') {
        return { kind, amount, windowMs: limit.window.ms, shape: `fixed/${limit.window.ms}` };
      }
      const shape = `fixed/${limit.window.unit}/${limit.window.timeZone}`;
      return { kind, amount, shape, ...windowAt(limit.window, nowMs) };
    }
    case 'rolling': {
      const { windowMs, slots } = limit;
      return { kind, amount, windowMs, slots, shape: `rolling/${windowMs}/${slots}` };
    }
    case 'bucket': {
      const { refillMs } = limit;
      return { kind, amount, refill: Number(limit.refill), refillMs, shape: `bucket/${refillMs}` };
    }
    case 'concurrency':
      return { kind, amount, leaseMs: limit.leaseMs, shape: kind };
    case 'total':
      return { kind, amount, shape: kind };
  }
}

const refusal = (code: number, message: string): QuotaGrant => ({
  status: { code, message },
  granted: 0n,
  validDurationMs: 0,
  limit: 0n,
  remaining: 0n,
  resetMs: 0,
});

function readGrant(answer: readonly string[], { amount }: QuotaCharge): QuotaGrant {
  const [code, granted, limit, remaining, resetMs, validMs, repeat] = answer;
  if (code === '9') return refusal(8, 'more consumers share this quota than it holds');
  const message = code === '8' ? `the quota does not have ${amount} left` : '';
  return {
    status: { code: Number(code), message },
    granted: BigInt(granted ?? 0),
    validDurationMs: Number(validMs),
    limit: BigInt(limit ?? 0),
    remaining: BigInt(remaining ?? 0),
    resetMs: Number(resetMs),
    ...(repeat === '1' ? { isRepeat: true as const } : {}),
  };
}

async function inspect(redis: RedisCommands, query: UsageQuery): Promise<readonly CounterUsage[]> {
  const { prefix, after = '', most } = query;
  const first = (found: Iterable<string>): readonly string[] => firstByName(found, most, (key) => key);
  let found = new Set<string>();
  for await (const keys of redis.scan(counterPrefix + prefix)) {
    for (const key of keys) if (key.slice(counterPrefix.length) > after) found.add(key);
    // However many there are, only a page of them is kept.
    if (found.size > 4 * most) found = new Set(first(found));
  }
  const page = first(found);
  if (page.length === 0) return [];
  return (await redis.inspect(page)).map(readUsage);
}

function readUsage(line: readonly string[]): CounterUsage {
  const [key = '', kind = '', limit = '0', used = '0', remaining = '0', resetMs = '0', ...rest] = line;
  const consumers: { consumer: string; used: bigint; share: bigint }[] = [];
  for (let at = 0; at + 2 < rest.length; at += 3) {
    consumers.push({
      consumer: rest[at] ?? '',
      used: BigInt(rest[at + 1] ?? 0),
      share: BigInt(rest[at + 2] ?? 0),
    });
  }
  return {
    counter: key.slice(counterPrefix.length),
    // The script writes no other.
    kind: kind as Limit['kind'],
    limit: BigInt(limit),
    used: BigInt(used),
    remaining: BigInt(remaining),
    resetMs: Number(resetMs),
    ...(consumers.length > 0 ? { consumers } : {}),
  };
}
