// Parameters of redisquota, with Mixer's names. Redis counts exactly up to 2^53 - 1: more is refused.
import {
  andThen,
  type Decoder,
  decodeWith,
  durationOrZero,
  integer,
  list,
  object,
  oneOf,
  optional,
  positiveDuration,
  quote,
  redisUrl,
  refuse,
  required,
  text,
  type Walk,
  withDefault,
} from '@xebec/config/decode';
import type { Result } from '@xebec/std';
import type { Limit } from '../../quotas/limit.ts';
import type { QuotaDefinition } from '../../quotas/limits/definition.ts';
import { dimensionMap, limitAmount, mode, modeOf } from '../../quotas/limits/fields.ts';
import { filePath } from '../http-backend.ts';

export interface RedisAddress {
  /** `redis://HOST:PORT/DB`, `rediss://` for TLS; user and password before the host. */
  readonly url: string;
  readonly connections: number;
  /** A file with the password, in place of one in the URL. */
  readonly passwordPath?: string;
}

export interface RedisquotaConfig {
  readonly redis: RedisAddress;
  readonly quotas: readonly QuotaDefinition[];
  readonly deduplicationMs: number;
}

export const largestInRedis: bigint = BigInt(Number.MAX_SAFE_INTEGER);

const redisAmount: Decoder<bigint> = andThen(limitAmount, (amount, walk) => {
  if (amount <= largestInRedis) return amount;
  const message = `Redis does not count exactly up to ${amount}`;
  return refuse(walk, { code: 'out-of-range', message, remedy: `write at most ${largestInRedis}` });
});

const algorithms = ['FIXED_WINDOW', 'ROLLING_WINDOW'] as const;

const override = object({ dimensions: required(dimensionMap), maxAmount: required(redisAmount) });

const shape = {
  name: required(text),
  maxAmount: required(redisAmount),
  validDuration: required(positiveDuration),
  bucketDuration: optional(positiveDuration),
  rateLimitAlgorithm: withDefault(oneOf(...algorithms), 'FIXED_WINDOW'),
  mode,
  overrides: optional(list(override, { most: 1_000 })),
};

interface Timing {
  readonly validDuration: number;
  readonly bucketDuration?: number;
  readonly rateLimitAlgorithm: (typeof algorithms)[number];
}

function limitOf(timing: Timing, walk: Walk): ((amount: bigint) => Limit) | undefined {
  const { validDuration: windowMs, bucketDuration, rateLimitAlgorithm } = timing;
  if (rateLimitAlgorithm === 'FIXED_WINDOW') {
    return (amount) => ({ kind: 'fixed', amount, window: { kind: 'span', ms: windowMs } });
  }
  if (bucketDuration === undefined) {
    const message = `${quote('ROLLING_WINDOW')} needs a bucketDuration`;
    const remedy = 'add bucketDuration, such as a tenth of validDuration';
    return refuse(walk, { code: 'missing-field', message, remedy });
  }
  const slots = Math.ceil(windowMs / bucketDuration);
  if (bucketDuration >= windowMs || slots > 1_000) {
    const message = 'bucketDuration does not divide validDuration into 2 to 1000 parts';
    const remedy = `write a duration from ${Math.ceil(windowMs / 1_000)}ms to ${Math.floor(windowMs / 2)}ms`;
    return refuse(walk, { code: 'out-of-range', message, remedy }, 'bucketDuration');
  }
  return (amount) => ({ kind: 'rolling', amount, windowMs, slots });
}

const quota: Decoder<QuotaDefinition> = andThen(object(shape), (value, walk) => {
  const { name, maxAmount, overrides = [], mode: written, ...timing } = value;
  const limit = limitOf(timing, walk);
  if (limit === undefined) return undefined;
  return {
    name,
    limit: limit(maxAmount),
    overrides: overrides.map((one) => ({ dimensions: one.dimensions, limit: limit(one.maxAmount) })),
    ...modeOf(written),
  };
});

const parameters: Decoder<RedisquotaConfig> = andThen(
  object({
    redisServerUrl: required(redisUrl),
    passwordPath: optional(filePath),
    connectionPoolSize: withDefault(integer(0, 100), 0),
    quotas: required(list(quota, { least: 1, most: 1_000 })),
    minDeduplicationDuration: withDefault(durationOrZero, 1_000),
  }),
  ({ redisServerUrl, passwordPath, connectionPoolSize, quotas, minDeduplicationDuration }) => ({
    // One connection carries any number of calls: scripts run one after the other in Redis anyway.
    redis: {
      url: redisServerUrl,
      connections: Math.max(1, connectionPoolSize),
      ...(passwordPath === undefined ? {} : { passwordPath }),
    },
    quotas,
    deduplicationMs: Math.max(1_000, minDeduplicationDuration),
  }),
);

export const parseRedisquota = (params: unknown): Result<RedisquotaConfig> => decodeWith(parameters, params);
