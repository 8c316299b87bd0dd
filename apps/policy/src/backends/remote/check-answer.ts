// What adapters outside answer to checks and when they are to produce attributes. Rule: a field that is not of the type the template declares is absent; nothing an answer holds makes it throw.
import { type DescField, type DescMessage, fromBinary, type Message, toBinary } from '@bufbuild/protobuf';
import { reflect } from '@bufbuild/protobuf/reflect';
import { type AttributeValue, Duration, type Template, Timestamp, type ValueType } from '@xebec/policy';
import {
  type CheckResult,
  CheckResultSchema,
} from '@xebec/protos/istio/mixer/adapter/model/v1beta1/check_pb';

export interface Answered {
  readonly desc: DescMessage;
  readonly message: Message;
}

/** The answer is a CheckResult, or has one beside its output; undefined: the adapter said nothing about the call. */
export function checkResultIn({ desc, message }: Answered): CheckResult | undefined {
  if (desc.typeName === CheckResultSchema.typeName)
    return fromBinary(CheckResultSchema, toBinary(desc, message));
  const inner = partOf({ desc, message }, ({ typeName }) => typeName === CheckResultSchema.typeName);
  return inner === undefined ? undefined : fromBinary(CheckResultSchema, toBinary(inner.desc, inner.message));
}

/** The fields of the OutputMsg that is in the answer, or is the answer. */
export function outputIn(
  { desc, message }: Answered,
  { output = {} }: Template,
): Readonly<Record<string, AttributeValue>> {
  const part =
    desc.name === outputName
      ? { desc, message }
      : partOf({ desc, message }, ({ name }) => name === outputName);
  if (part === undefined) return {};
  const found: Record<string, AttributeValue> = {};
  for (const field of part.desc.fields) {
    const type = Object.hasOwn(output, field.name) ? output[field.name] : undefined;
    const value = type === undefined ? undefined : readField(part, field, type);
    if (value !== undefined)
      Object.defineProperty(found, field.name, {
        value,
        enumerable: true,
        configurable: true,
        writable: true,
      });
  }
  return found;
}

const outputName = 'OutputMsg';

function partOf({ desc, message }: Answered, isIt: (inner: DescMessage) => boolean): Answered | undefined {
  const field = desc.fields.find(({ fieldKind, message: of }) => fieldKind === 'message' && of && isIt(of));
  if (field?.fieldKind !== 'message') return undefined;
  const reflected = reflect(desc, message);
  return reflected.isSet(field) ? { desc: field.message, message: reflected.get(field).message } : undefined;
}

/** Scalars of proto3 that were not written are zero, unless they are `optional`. */
function readField(
  { desc, message }: Answered,
  field: DescField,
  type: ValueType,
): AttributeValue | undefined {
  const reflected = reflect(desc, message);
  if (field.fieldKind === 'map') return type === 'STRING_MAP' ? textsOf(reflected.get(field)) : undefined;
  if (field.fieldKind === 'scalar') {
    if (field.presence !== implicit && !reflected.isSet(field)) return undefined;
    const value: unknown = reflected.get(field);
    return isOfType(value, type) ? value : undefined;
  }
  if (field.fieldKind !== 'message' || !reflected.isSet(field)) return undefined;
  const inner = reflected.get(field);
  const wrapped = inner.desc.fields.find(({ name }) => name === 'value');
  if (wrapped === undefined) return undefined;
  const value: unknown = wrapped.fieldKind === 'message' ? inner.get(wrapped).message : inner.get(wrapped);
  return wrappedValue(value, type);
}

/** `LegacyRequired` and `Explicit` say whether a field was written. */
const implicit = 2;

function isOfType(value: unknown, type: ValueType): value is AttributeValue {
  if (type === 'STRING') return typeof value === 'string';
  if (type === 'INT64') return typeof value === 'bigint';
  if (type === 'DOUBLE') return typeof value === 'number';
  return type === 'BOOL' && typeof value === 'boolean';
}

const texts: ReadonlySet<ValueType> = new Set(['EMAIL_ADDRESS', 'URI', 'DNS_NAME']);
const second = 1_000_000_000n;

/** `istio.policy.v1beta1.IPAddress` and its like have one field `value`. */
function wrappedValue(value: unknown, type: ValueType): AttributeValue | undefined {
  if (texts.has(type)) return typeof value === 'string' && value !== '' ? value : undefined;
  if (type === 'IP_ADDRESS')
    return value instanceof Uint8Array && (value.length === 4 || value.length === 16)
      ? new Uint8Array(value)
      : undefined;
  const { seconds, nanos } = Object(value);
  if (typeof seconds !== 'bigint' || typeof nanos !== 'number') return undefined;
  const nanoseconds = seconds * second + BigInt(nanos);
  if (type === 'TIMESTAMP') return new Timestamp(nanoseconds);
  return type === 'DURATION' ? new Duration(nanoseconds) : undefined;
}

function textsOf(map: Iterable<readonly [unknown, unknown]>): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const [key, value] of map)
    if (typeof key === 'string' && typeof value === 'string') found.set(key, value);
  return found;
}
