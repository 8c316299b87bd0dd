// Attributes as programs write them, and as they go over the wire.
import { create } from '@bufbuild/protobuf';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import {
  type Attributes,
  AttributesSchema,
  type Value,
  ValueSchema,
} from '@xebec/protos/xebec/policy/v1/policy_pb';

/** A length of time, where a number would be an amount. */
export interface Milliseconds {
  readonly milliseconds: number;
}

/**
 * `string`: a text; `bigint` and whole `number`s: INT64; other `number`s: DOUBLE; `Date`: TIMESTAMP; `Uint8Array`: an
 * IP address of 4 or 16 bytes; a map or record of texts: STRING_MAP.
 */
export type AttributeInput =
  | string
  | bigint
  | number
  | boolean
  | Date
  | Milliseconds
  | Uint8Array
  | ReadonlyMap<string, string>
  | { readonly [key: string]: string };

/** By name in the vocabulary: `request.path`. */
export type AttributesInput = Readonly<Record<string, AttributeInput>>;

const isMap = (value: object): value is ReadonlyMap<string, string> => value instanceof Map;

const isLength = (value: object): value is Milliseconds =>
  'milliseconds' in value && typeof value.milliseconds === 'number';

function writeValue(value: AttributeInput): Value['value'] {
  if (typeof value === 'string') return { case: 'stringValue', value };
  if (typeof value === 'boolean') return { case: 'boolValue', value };
  if (typeof value === 'bigint') return { case: 'int64Value', value };
  if (typeof value === 'number')
    return Number.isSafeInteger(value)
      ? { case: 'int64Value', value: BigInt(value) }
      : { case: 'doubleValue', value };
  return writeObject(value);
}

function writeObject(value: Exclude<AttributeInput, string | boolean | bigint | number>): Value['value'] {
  if (value instanceof Date) return { case: 'timestampValue', value: timestampFromMs(value.getTime()) };
  if (value instanceof Uint8Array) return { case: 'bytesValue', value };
  if (isLength(value)) {
    const nanoseconds = BigInt(Math.round(value.milliseconds * 1e6));
    const duration = { seconds: nanoseconds / 1_000_000_000n, nanos: Number(nanoseconds % 1_000_000_000n) };
    return { case: 'durationValue', value: { $typeName: 'google.protobuf.Duration', ...duration } };
  }
  const entries = isMap(value) ? Object.fromEntries(value) : { ...value };
  return { case: 'stringMapValue', value: { $typeName: 'xebec.policy.v1.StringMap', entries } };
}

/** A bag in wire form: what is compared, sent and kept. */
export const writeAttributes = (attributes: AttributesInput): Attributes =>
  create(AttributesSchema, {
    attributes: Object.fromEntries(
      Object.entries(attributes).map(([name, value]) => [
        name,
        create(ValueSchema, { value: writeValue(value) }),
      ]),
    ),
  });

/** A text that two values share only if they are equal. */
export function valueKey(value: Value | undefined, mapKey: string): string | undefined {
  const held = value?.value;
  if (held === undefined || held.case === undefined) return undefined;
  if (held.case === 'stringMapValue') {
    if (mapKey !== '')
      return Object.hasOwn(held.value.entries, mapKey) ? held.value.entries[mapKey] : undefined;
    return JSON.stringify(Object.entries(held.value.entries).sort(([a], [b]) => (a < b ? -1 : 1)));
  }
  if (held.case === 'bytesValue') return `b${Buffer.from(held.value).toString('hex')}`;
  if (held.case === 'timestampValue' || held.case === 'durationValue')
    return `t${held.value.seconds}.${held.value.nanos}`;
  return `${held.case[0]}${held.value}`;
}
