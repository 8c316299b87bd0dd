// Instances as messages of their template's proto. Rule: what the proto has no field for is left out, as are values of another type; nothing an instance holds makes it throw.
import { create, type DescField, type DescMessage, type Message, ScalarType } from '@bufbuild/protobuf';
import {
  type AttributeValue,
  Duration,
  type InferredTypes,
  type Instance,
  type InstanceValue,
  Timestamp,
  type ValueType,
} from '@xebec/policy';
import {
  DNSNameSchema,
  DurationSchema,
  EmailAddressSchema,
  IPAddressSchema,
  TimeStampSchema,
  UriSchema,
  type Value,
  ValueSchema,
} from '@xebec/protos/istio/policy/v1beta1/type_pb';
import { ValueType as WireType } from '@xebec/protos/istio/policy/v1beta1/value_type_pb';
import { protoDuration, protoTimestamp } from '../../doors/rpc/times.ts';

type Fields = Readonly<Record<string, InstanceValue | undefined>>;

/** The instance with its name, for a `Handle<Template>` request. */
export function instanceMessage(desc: DescMessage, instance: Instance, types: InferredTypes): Message {
  const message = fill(desc, instance.fields, { types, prefix: '' });
  return create(desc, { ...message, name: instance.name });
}

interface Place {
  readonly types: InferredTypes;
  /** Of the field that is written: `dimensions.`. */
  readonly prefix: string;
}

function fill(desc: DescMessage, fields: Fields, { types, prefix }: Place): Record<string, unknown> {
  const message: Record<string, unknown> = {};
  for (const field of desc.fields) {
    const value = Object.hasOwn(fields, field.name) ? fields[field.name] : undefined;
    if (value === undefined) continue;
    const written = writeField(field, value, { types, prefix: `${prefix}${field.name}` });
    if (written !== undefined) message[field.localName] = written;
  }
  return message;
}

function writeField(field: DescField, value: InstanceValue, { types, prefix }: Place): unknown {
  switch (field.fieldKind) {
    case 'scalar':
      return writeScalar(field.scalar, value);
    case 'message':
      return writeMessage(field.message, value, { types, prefix });
    case 'list':
      return writeList(field, value, { types, prefix });
    case 'map':
      return writeMap(field, value, { types, prefix });
    default:
      return undefined;
  }
}

function writeList(
  field: DescField & { readonly fieldKind: 'list' },
  value: InstanceValue,
  place: Place,
): unknown {
  if (!Array.isArray(value)) return undefined;
  return value.flatMap((item: InstanceValue) => {
    const one =
      field.listKind === 'message'
        ? writeMessage(field.message, item, place)
        : writeScalar(field.scalar, item);
    return one === undefined ? [] : [one];
  });
}

function writeMap(
  field: DescField & { readonly fieldKind: 'map' },
  value: InstanceValue,
  { types, prefix }: Place,
): unknown {
  const entries = value instanceof Map ? [...value] : isFields(value) ? Object.entries(value) : [];
  const written = entries.flatMap(([key, item]: readonly [string, InstanceValue | undefined]) => {
    if (item === undefined) return [];
    const place = { types, prefix: `${prefix}.${key}` };
    const one =
      field.mapKind === 'message'
        ? writeMessage(field.message, item, place)
        : writeScalar(field.scalar, item);
    return one === undefined ? [] : [[key, one] as const];
  });
  return Object.fromEntries(written);
}

function writeMessage(desc: DescMessage, value: InstanceValue, place: Place): unknown {
  if (desc.typeName === ValueSchema.typeName)
    return isAttribute(value) ? valueMessage(value, place.types[place.prefix]) : undefined;
  if (desc.typeName === TimeStampSchema.typeName)
    return value instanceof Timestamp ? { value: protoTimestamp(value) } : undefined;
  if (desc.typeName === DurationSchema.typeName)
    return value instanceof Duration ? { value: protoDuration(value) } : undefined;
  if (desc.typeName === IPAddressSchema.typeName) return value instanceof Uint8Array ? { value } : undefined;
  if (textMessages.has(desc.typeName)) return typeof value === 'string' ? { value } : undefined;
  if (!isFields(value)) return undefined;
  return create(desc, fill(desc, value, { ...place, prefix: `${place.prefix}.` }));
}

const textMessages: ReadonlySet<string> = new Set([
  DNSNameSchema.typeName,
  EmailAddressSchema.typeName,
  UriSchema.typeName,
]);

function writeScalar(scalar: ScalarType | undefined, value: InstanceValue): unknown {
  if (scalar === ScalarType.STRING) return textOf(value);
  if (scalar === ScalarType.INT64) return typeof value === 'bigint' ? BigInt.asIntN(64, value) : undefined;
  if (scalar === ScalarType.DOUBLE) return typeof value === 'number' ? value : undefined;
  if (scalar === ScalarType.BOOL) return typeof value === 'boolean' ? value : undefined;
  return undefined;
}

/** A field of a template may be text for whatever its expression gives. */
function textOf(value: InstanceValue): string | undefined {
  if (typeof value === 'string') return value;
  if (typeof value === 'bigint' || typeof value === 'number' || typeof value === 'boolean')
    return String(value);
  if (value instanceof Uint8Array) return addressText(value);
  if (value instanceof Timestamp) return new Date(Number(value.nanoseconds / 1_000_000n)).toISOString();
  if (value instanceof Duration) return `${Number(value.nanoseconds) / 1e9}s`;
  return undefined;
}

function addressText(bytes: Uint8Array): string {
  if (bytes.length === 4) return bytes.join('.');
  return (Buffer.from(bytes).toString('hex').match(/.{4}/g) ?? []).join(':');
}

/** A value whose type the configuration decided; `type` tells apart what is text here. */
const valueMessage = (value: AttributeValue, type?: ValueType): Value =>
  create(ValueSchema, { value: valueCase(value, type) });

function valueCase(value: AttributeValue, type: ValueType | undefined): Value['value'] {
  if (typeof value === 'bigint') return { case: 'int64Value', value: BigInt.asIntN(64, value) };
  if (typeof value === 'number') return { case: 'doubleValue', value };
  if (typeof value === 'boolean') return { case: 'boolValue', value };
  if (typeof value === 'string') return textCase(value, type);
  if (value instanceof Uint8Array)
    return { case: 'ipAddressValue', value: { $typeName: 'istio.policy.v1beta1.IPAddress', value } };
  if (value instanceof Timestamp) {
    const time = protoTimestamp(value);
    return { case: 'timestampValue', value: { $typeName: 'istio.policy.v1beta1.TimeStamp', value: time } };
  }
  if (value instanceof Duration) {
    const length = protoDuration(value);
    return { case: 'durationValue', value: { $typeName: 'istio.policy.v1beta1.Duration', value: length } };
  }
  const entries = Object.fromEntries(value);
  return { case: 'stringMapValue', value: { $typeName: 'istio.policy.v1beta1.StringMap', value: entries } };
}

function textCase(value: string, type: ValueType | undefined): Value['value'] {
  switch (type) {
    case 'EMAIL_ADDRESS':
      return { case: 'emailAddressValue', value: { $typeName: 'istio.policy.v1beta1.EmailAddress', value } };
    case 'DNS_NAME':
      return { case: 'dnsNameValue', value: { $typeName: 'istio.policy.v1beta1.DNSName', value } };
    case 'URI':
      return { case: 'uriValue', value: { $typeName: 'istio.policy.v1beta1.Uri', value } };
    default:
      return { case: 'stringValue', value };
  }
}

/** The template's `Type`: what the expressions of an instance give. */
export function typesMessage(desc: DescMessage, types: InferredTypes, prefix = ''): Message {
  const message: Record<string, unknown> = {};
  for (const field of desc.fields) {
    const path = `${prefix}${field.name}`;
    const type = types[path];
    if (field.fieldKind === 'enum' && type !== undefined) message[field.localName] = WireType[type];
    else if (field.fieldKind === 'message')
      message[field.localName] = typesMessage(field.message, types, `${path}.`);
    else if (field.fieldKind === 'map')
      message[field.localName] = Object.fromEntries(
        Object.entries(types).flatMap(([name, inner]) =>
          name.startsWith(`${path}.`) ? [[name.slice(path.length + 1), WireType[inner]]] : [],
        ),
      );
  }
  return create(desc, message);
}

const isFields = (value: InstanceValue): value is { readonly [field: string]: InstanceValue | undefined } =>
  typeof value === 'object' && !Array.isArray(value) && !isClassed(value);

const isClassed = (value: object): boolean =>
  value instanceof Uint8Array ||
  value instanceof Map ||
  value instanceof Timestamp ||
  value instanceof Duration;

const isAttribute = (value: InstanceValue): value is AttributeValue =>
  typeof value !== 'object' || (!Array.isArray(value) && isClassed(value));
