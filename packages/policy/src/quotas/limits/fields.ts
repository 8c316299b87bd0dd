// How amounts and dimensions of quotas are written in configuration.
import { andThen, type Decoder, mapOf, oneOf, quote, refuse, text, withDefault } from '@xebec/config/decode';
import { parseAmount } from '../amount.ts';

const remedy =
  'write a whole number from 0 to 9223372036854775807; in quotes when it is above 9007199254740991';

/** An amount of 0 or more; text where a number would not be exact. */
export const limitAmount: Decoder<bigint> = (value, walk) => {
  const parsed = parseAmount(value);
  if (parsed.ok && parsed.value >= 0n) return parsed.value;
  if (parsed.ok) {
    return refuse(walk, { code: 'out-of-range', message: `${parsed.value} is below 0`, remedy });
  }
  const [{ code, message } = { code: 'invalid-amount', message: 'this is no amount' }] = parsed.diagnostics;
  return refuse(walk, { code, message, remedy });
};

/** Values of dimensions; numbers and booleans are compared as they are written. */
const dimensionValue: Decoder<string> = (value, walk) =>
  typeof value === 'number' || typeof value === 'boolean' ? String(value) : text(value, walk);

export const dimensionMap: Decoder<ReadonlyMap<string, string>> = andThen(
  mapOf(dimensionValue, undefined, 64),
  (map, walk) => {
    const entries = Object.entries(map);
    if (entries.length > 0) return new Map(entries);
    const message = 'an override without dimensions fits everything';
    return refuse(walk, {
      code: 'missing-field',
      message,
      remedy: `name a dimension, such as ${quote('user')}`,
    });
  },
);

/** As of a QuotaPool. */
export const mode = withDefault(oneOf('EXACT', 'BEST_EFFORT'), 'EXACT');

export const modeOf = (written: 'EXACT' | 'BEST_EFFORT'): { readonly isBestEffort?: true } =>
  written === 'EXACT' ? {} : { isBestEffort: true };
