// Attributes with their values written out, as protobuf's JSON has them: exactly one of the fields that name a type.
import { andThen, boolean, type Decoder, mapOf, quote, text, wrongType } from '../../decode/decoder.ts';
import { exactlyOne, object, optional, required } from '../../decode/object.ts';
import { refuse } from '../../decode/walk.ts';
import { base64 } from '../../values/base64.ts';
import { durationOrZero } from '../../values/duration.ts';
import { decimal } from '../../values/numbers.ts';
import { checkAttributeName } from '../policy-values.ts';
import type { AttributeLiteral, AttributeLiterals } from './spec.ts';

const int64Limit = 2n ** 63n;

/** A whole number, or its digits in quotes where it is larger than a double holds. */
const int64: Decoder<string> = (value, walk) => {
  const isNumber = typeof value === 'bigint' || (typeof value === 'number' && Number.isSafeInteger(value));
  const digits = isNumber ? String(value) : value;
  if (typeof digits !== 'string' || !/^-?\d{1,19}$/.test(digits))
    return refuse(walk, wrongType('a whole number', value));
  const number = BigInt(digits);
  if (number < int64Limit && number >= -int64Limit) return number.toString();
  const message = `${digits} is out of the range of 64 bits`;
  return refuse(walk, { code: 'out-of-range', message, remedy: 'write a smaller number' });
};

const timestamp: Decoder<string> = andThen(text, (written, walk) =>
  /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$/.test(written) &&
  !Number.isNaN(Date.parse(written))
    ? written
    : refuse(walk, {
        code: 'invalid-timestamp',
        message: `${quote(written)} is not a point in time`,
        remedy: 'write it as 2026-01-31T12:00:00Z',
      }),
);

const fields = {
  stringValue: optional(text),
  int64Value: optional(int64),
  doubleValue: optional(decimal(-Number.MAX_VALUE, Number.MAX_VALUE)),
  boolValue: optional(boolean),
  bytesValue: optional(base64),
  timestampValue: optional(timestamp),
  durationValue: optional(durationOrZero),
  stringMapValue: optional(object({ entries: required(mapOf(text)) })),
};

const literal: Decoder<AttributeLiteral> = andThen(object(fields), (value, walk) => {
  if (!exactlyOne(value, Object.keys(fields), walk)) return undefined;
  const { stringValue, int64Value, doubleValue, boolValue, bytesValue, timestampValue, durationValue } =
    value;
  if (stringValue !== undefined) return { type: 'STRING', value: stringValue };
  if (int64Value !== undefined) return { type: 'INT64', value: int64Value };
  if (doubleValue !== undefined) return { type: 'DOUBLE', value: doubleValue };
  if (boolValue !== undefined) return { type: 'BOOL', value: boolValue };
  if (timestampValue !== undefined) return { type: 'TIMESTAMP', value: timestampValue };
  if (durationValue !== undefined) return { type: 'DURATION', value: `${durationValue}000000` };
  if (bytesValue !== undefined) return { type: 'BYTES', value: btoa(String.fromCharCode(...bytesValue)) };
  return { type: 'STRING_MAP', value: value.stringMapValue?.entries ?? {} };
});

/** `attributes: { attributes: { NAME: { stringValue: … } } }`. */
export const literals: Decoder<AttributeLiterals> = andThen(
  object({ attributes: required(mapOf(literal, checkAttributeName, 1_000)) }),
  (value) => value.attributes,
);
