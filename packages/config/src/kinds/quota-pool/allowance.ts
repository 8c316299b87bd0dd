// How much a quota allows: an amount, and over which time it is counted. One way of writing it for pools, overrides and plans.
import { andThen, type Decoder, integer, oneOf, quote, text } from '../../decode/decoder.ts';
import { describing } from '../../decode/description.ts';
import { type Decoded, optional, required } from '../../decode/object.ts';
import { refuse, type Walk } from '../../decode/walk.ts';
import { positiveDuration } from '../../values/duration.ts';
import type { CalendarUnitName, QuotaAllowance } from './spec.ts';

const largest = (1n << 63n) - 1n;
const amountRemedy = `write a whole number from 0 to ${largest}, in quotes when it is above ${Number.MAX_SAFE_INTEGER}`;

/** Digits of an int64 ≥ 0. */
export const amountDigits: Decoder<string> = describing(
  (value: unknown, walk: Walk) => {
    const isExact = typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
    const written = typeof value === 'string' && /^\d{1,19}$/.test(value) ? value : '';
    if (isExact) return String(value);
    if (written !== '' && BigInt(written) <= largest) return String(BigInt(written));
    const isFraction = typeof value === 'number' && value > 0 && value < 1e15 && !Number.isInteger(value);
    const message = `${typeof value === 'string' ? quote(value) : String(value)} is no amount`;
    const remedy = isFraction ? 'count in a smaller unit, such as milliseconds' : amountRemedy;
    return refuse(walk, { code: isFraction ? 'fractional-amount' : 'invalid-amount', message, remedy });
  },
  { kind: 'number', least: 0, most: Number.MAX_SAFE_INTEGER, isWhole: true },
);

const units = ['day', 'week', 'month', 'quarter', 'year'] as const;
const isUnit = (written: string): written is CalendarUnitName => units.some((unit) => unit === written);

/** A duration, or a unit of the calendar. */
const window: Decoder<CalendarUnitName | number> = andThen(text, (written, walk) =>
  isUnit(written) ? written : positiveDuration(written, walk),
);

const timeZone: Decoder<string> = andThen(text, (written, walk) => {
  try {
    return new Intl.DateTimeFormat('en-US', { timeZone: written }).resolvedOptions().timeZone && written;
  } catch {
    const message = `${quote(written)} is not a time zone`;
    return refuse(walk, { code: 'unknown-value', message, remedy: 'write one such as UTC or Europe/Berlin' });
  }
});

const algorithms = ['FIXED_WINDOW', 'ROLLING_WINDOW', 'TOKEN_BUCKET', 'CONCURRENCY', 'TOTAL'] as const;

/** The fields of an allowance, beside others of their object. */
export const allowanceFields = {
  amount: required(amountDigits),
  algorithm: optional(oneOf(...algorithms)),
  window: optional(window),
  timeZone: optional(timeZone),
  burst: optional(amountDigits),
  buckets: optional(integer(2, 1_000)),
  leaseTimeout: optional(positiveDuration),
};

type Written = Decoded<typeof allowanceFields>;
type Algorithm = (typeof algorithms)[number];

/** Fields that mean something to each algorithm only. */
const ownFields: Readonly<Record<Algorithm, readonly (keyof Written)[]>> = {
  FIXED_WINDOW: ['window', 'timeZone'],
  ROLLING_WINDOW: ['window', 'buckets'],
  TOKEN_BUCKET: ['window', 'burst'],
  CONCURRENCY: ['leaseTimeout'],
  TOTAL: [],
};

export function readAllowance(value: Written, walk: Walk): QuotaAllowance | undefined {
  const algorithm = value.algorithm ?? (value.window === undefined ? 'TOTAL' : 'FIXED_WINDOW');
  for (const field of ['window', 'timeZone', 'burst', 'buckets', 'leaseTimeout'] as const) {
    if (value[field] === undefined || ownFields[algorithm].includes(field)) continue;
    const message = `${quote(field)} means nothing to ${algorithm}`;
    const remedy = `remove it, or write another algorithm`;
    return refuse(walk, { code: 'conflicting-fields', message, remedy }, field);
  }
  if (algorithm === 'TOTAL') return { kind: 'total', amount: value.amount };
  if (algorithm === 'CONCURRENCY')
    return { kind: 'concurrency', amount: value.amount, leaseMs: value.leaseTimeout ?? 60_000 };
  return readWindowed(algorithm, value, walk);
}

function readWindowed(
  algorithm: 'FIXED_WINDOW' | 'ROLLING_WINDOW' | 'TOKEN_BUCKET',
  { amount, window: written, timeZone: zone, buckets = 60, burst }: Written,
  walk: Walk,
): QuotaAllowance | undefined {
  if (written === undefined) {
    const remedy = 'add "window", such as 1m or month';
    return refuse(walk, { code: 'missing-field', message: `${algorithm} needs a window`, remedy });
  }
  if (typeof written === 'string') {
    if (algorithm === 'FIXED_WINDOW')
      return { kind: 'calendar', amount, unit: written, timeZone: zone ?? 'UTC' };
    const message = `${algorithm} does not follow the calendar`;
    return refuse(
      walk,
      { code: 'conflicting-fields', message, remedy: 'write a duration, such as 24h' },
      'window',
    );
  }
  if (zone !== undefined) {
    const message = 'a window of a fixed length has no time zone';
    return refuse(
      walk,
      { code: 'conflicting-fields', message, remedy: 'write window: day, or remove it' },
      'timeZone',
    );
  }
  if (algorithm === 'FIXED_WINDOW') return { kind: 'fixed', amount, windowMs: written };
  if (algorithm === 'ROLLING_WINDOW') return { kind: 'rolling', amount, windowMs: written, slots: buckets };
  return { kind: 'bucket', amount: burst ?? amount, refill: amount, refillMs: written };
}
