// QuotaPool: something that there is only so much of, counted at the policy service for proxies and programs alike.

import { andThen, boolean, type Decoder, list, mapOf, oneOf, quote, text } from '../../decode/decoder.ts';
import { type Decoded, object, optional, required, withDefault } from '../../decode/object.ts';
import { refuse, type Walk } from '../../decode/walk.ts';
import { durationOrZero } from '../../values/duration.ts';
import { nonEmptyPrintable } from '../../values/http.ts';
import { decimal } from '../../values/numbers.ts';
import { emptyMap } from '../../values/plain-map.ts';
import { redisUrl } from '../../values/redis-url.ts';
import type { TextMap } from '../../values/shapes.ts';
import { defineKind, manifestOf } from '../define.ts';
import { expression } from '../policy-values.ts';
import { allowanceFields, readAllowance } from './allowance.ts';
import type { QuotaPoolSpec, QuotaRequests } from './spec.ts';

const checkDimension = (name: string) =>
  /^[A-Za-z_][\w.-]{0,127}$/.test(name)
    ? undefined
    : {
        code: 'invalid-name',
        message: `${quote(name)} cannot be the name of a dimension`,
        remedy: 'write a word of letters, digits, "_", "." and "-"',
      };

const dimensionValues: Decoder<TextMap> = andThen(mapOf(text, checkDimension, 32), (values, walk) =>
  Object.keys(values).length > 0
    ? values
    : refuse(walk, {
        code: 'missing-field',
        message: 'an override without dimensions would hold for all',
        remedy: 'name a dimension, or change the amount of the pool',
      }),
);

const override = andThen(
  object({ dimensions: required(dimensionValues), ...allowanceFields }),
  (value, walk) => {
    const { dimensions, ...rest } = value;
    const allowance = readAllowance(rest, walk);
    return allowance && { dimensions, allowance };
  },
);

const sharing = object({
  consumer: required(expression),
  weights: withDefault(mapOf(decimal(0.001, 1_000_000), undefined, 10_000), emptyMap),
});

const store: Decoder<QuotaPoolSpec['store']> = andThen(
  object({ memory: optional(object({})), redis: optional(object({ url: required(redisUrl) })) }),
  ({ memory, redis }, walk) => {
    if (redis === undefined) return { kind: 'memory' };
    if (memory === undefined) return { kind: 'redis', ...redis };
    const complaint = { code: 'conflicting-fields', message: 'a pool has one store', remedy: 'keep one' };
    return refuse(walk, complaint, 'redis');
  },
);

const requests: Decoder<QuotaRequests> = object({
  match: withDefault(expression, ''),
  charge: withDefault(expression, '1'),
  settle: withDefault(expression, ''),
});

const shape = {
  ...allowanceFields,
  unit: withDefault(nonEmptyPrintable, 'units'),
  dimensions: withDefault<TextMap>(mapOf(expression, checkDimension, 32), emptyMap),
  overrides: withDefault<QuotaPoolSpec['overrides']>(list(override, { most: 10_000 }), []),
  sharing: optional(sharing),
  mode: withDefault(oneOf('EXACT', 'BEST_EFFORT'), 'EXACT'),
  store: withDefault<QuotaPoolSpec['store']>(store, { kind: 'memory' }),
  requests: withDefault<readonly QuotaRequests[]>(list(requests, { most: 100 }), []),
  deduplication: withDefault(durationOrZero, 10_000),
  failOpen: withDefault(boolean, false),
};

const inRedis = BigInt(Number.MAX_SAFE_INTEGER);

function check(value: Decoded<typeof shape>, walk: Walk): QuotaPoolSpec | undefined {
  const { unit, dimensions, overrides, mode, requests: taken, deduplication, failOpen } = value;
  const allowance = readAllowance(value, walk);
  if (allowance === undefined) return undefined;
  const stranger = overrides.findIndex((one) =>
    Object.keys(one.dimensions).some((name) => !Object.hasOwn(dimensions, name)),
  );
  if (stranger >= 0) return refuseStranger(walk, stranger);
  const allowances = [allowance, ...overrides.map((one) => one.allowance)];
  if (value.sharing !== undefined && !allowances.every(({ kind }) => isShareable(kind))) {
    const message = 'only what is counted in windows can be shared fairly';
    const remedy = 'write FIXED_WINDOW or ROLLING_WINDOW, or remove "sharing"';
    return refuse(walk, { code: 'conflicting-fields', message, remedy }, 'sharing');
  }
  const tooLarge = allowances.find(({ amount }) => BigInt(amount) > inRedis);
  if (value.store.kind === 'redis' && tooLarge !== undefined) {
    const message = `Redis does not count exactly up to ${tooLarge.amount}`;
    return refuse(walk, { code: 'out-of-range', message, remedy: `write at most ${inRedis}` }, 'store');
  }
  return {
    allowance,
    unit,
    dimensions,
    overrides,
    ...(value.sharing === undefined ? {} : { sharing: value.sharing }),
    mode,
    store: value.store,
    requests: taken,
    // Below a second a retry would be charged again.
    deduplicationMs: Math.max(1_000, deduplication),
    failurePolicy: failOpen ? 'open' : 'close',
  };
}

const isShareable = (kind: QuotaPoolSpec['allowance']['kind']): boolean =>
  kind === 'fixed' || kind === 'calendar' || kind === 'rolling';

const refuseStranger = (walk: Walk, index: number): undefined =>
  refuse(
    walk,
    {
      code: 'unknown-value',
      message: 'the override names a dimension that the pool does not have',
      remedy: 'add it to "dimensions" of the pool, or correct its name',
    },
    'overrides',
    index,
    'dimensions',
  );

export const quotaPoolKind = defineKind({
  group: 'policy.xebec.io',
  versions: ['v1alpha1'],
  isNamespaced: true,
  kind: 'QuotaPool',
  plural: 'quotapools',
  shortNames: ['qpool'],
  body: andThen(
    manifestOf({ spec: required(andThen(object(shape), check)) }, { ignored: ['status'] }),
    (value) => value.spec,
  ),
});
