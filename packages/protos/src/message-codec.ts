// Compiles a message descriptor into a list of field writers, once; each writer knows its tag, presence rule
// and value codec, so that encoding asks the descriptor nothing.
import {
  type DescField,
  type DescMessage,
  type JsonObject,
  type Message,
  type ScalarType,
  ScalarType as scalarType,
} from '@bufbuild/protobuf';
import { isWrapperDesc, FeatureSet_FieldPresence as presence } from '@bufbuild/protobuf/wkt';
import type { BackwardWriter } from './backward-writer.ts';
import { sortedKeys, writeStruct } from './json-struct.ts';
import { parseMapKey, scalarCodecs, type WireType, type WriteValue, wireType } from './scalar-codecs.ts';

/** A message by local field names, as protobuf-es lays it out. */
type Fields = Message & Readonly<Record<string, unknown>>;

/** One field, ready to write. */
interface FieldCodec {
  /** The property of the message that holds the field, or the one-of it belongs to. */
  readonly property: string;
  /** The property's value that says "not set", where comparing is enough; `never` where `write` decides. */
  readonly unset: unknown;
  /** Writes the property's value with its tag, if it is set. */
  readonly write: (out: BackwardWriter, value: unknown, message: Fields) => void;
}

const never = Symbol('compares equal to no value');

/** How a value looks on the wire; `write` puts the value without its tag. */
interface Codec {
  readonly wire: WireType;
  readonly write: WriteValue;
}

export interface MessageCodec {
  /** By field number, descending: the order of writing backwards. */
  readonly fields: readonly FieldCodec[];
}

const compiled = new WeakMap<DescMessage, MessageCodec>();

/** The codec of a message type; compiled at first use. Throws on groups, which nothing here uses. */
export function codecOf(type: DescMessage): MessageCodec {
  const known = compiled.get(type);
  if (known !== undefined) return known;
  const descending = [...type.fields].sort((a, b) => b.number - a.number);
  const codec: MessageCodec = { fields: descending.map(fieldCodec) };
  compiled.set(type, codec);
  return codec;
}

/** Writes a message's fields, without tag and length. */
export function writeMessage(out: BackwardWriter, codec: MessageCodec, message: Message): void {
  const unknown = message.$unknown;
  if (unknown !== undefined) writeUnknown(out, unknown);
  for (const field of codec.fields) {
    const value = (message as Fields)[field.property];
    if (value !== field.unset) field.write(out, value, message as Fields);
  }
}

function writeUnknown(out: BackwardWriter, unknown: NonNullable<Message['$unknown']>): void {
  for (const { no, wireType: wire, data } of [...unknown].reverse()) {
    out.raw(data);
    out.varint(((no << 3) | wire) >>> 0);
  }
}

function fieldCodec(field: DescField): FieldCodec {
  switch (field.fieldKind) {
    case 'list':
      return field.packed ? packedField(field) : listField(field);
    case 'map':
      return mapField(field);
    default:
      return singularField(field);
  }
}

type Singular = DescField & { fieldKind: 'scalar' | 'enum' | 'message' };
type List = DescField & { fieldKind: 'list' };
type MapField = DescField & { fieldKind: 'map' };

function singularField(field: Singular): FieldCodec {
  if (field.oneof !== undefined) return oneofMember(field, field.oneof.localName);
  if (field.presence === presence.IMPLICIT) return implicitField(field);
  return explicitField(field);
}

function implicitField(field: Singular): FieldCodec {
  const { write, wire } = singularCodec(field);
  const tag = tagOf(field.number, wire);
  const isZero = zeroTest(field);
  return {
    property: field.localName,
    unset: comparableZero(field),
    write: (out, value) => {
      if (isZero(value)) return;
      write(out, value);
      out.varint(tag);
    },
  };
}

function explicitField(field: Singular): FieldCodec {
  const { write, wire } = singularCodec(field);
  const tag = tagOf(field.number, wire);
  const property = field.localName;
  const mustBeSet = field.presence === presence.LEGACY_REQUIRED;
  // Defaults of proto2 scalars are on the prototype; messages have none.
  const mayInherit = field.fieldKind !== 'message';
  return {
    property,
    unset: mustBeSet ? never : undefined,
    write: (out, value, message) => {
      if (value !== undefined && !(mayInherit && !Object.hasOwn(message, property))) {
        write(out, value);
        out.varint(tag);
      } else if (mustBeSet) throw new TypeError(`required field ${field.toString()} is not set`);
    },
  };
}

/** Members are written at their own number's place, not at their one-of's. */
function oneofMember(field: Singular, oneof: string): FieldCodec {
  const { write, wire } = singularCodec(field);
  const tag = tagOf(field.number, wire);
  const name = field.localName;
  return {
    property: oneof,
    unset: never,
    write: (out, value) => {
      const selected = value as { readonly case: string | undefined; readonly value?: unknown };
      if (selected.case !== name) return;
      write(out, selected.value);
      out.varint(tag);
    },
  };
}

function listField(field: List): FieldCodec {
  const { write, wire } = elementCodec(field, field.listKind);
  const tag = tagOf(field.number, wire);
  return {
    property: field.localName,
    unset: never,
    write: (out, value) => {
      const list = value as readonly unknown[];
      for (let index = list.length - 1; index >= 0; index--) {
        write(out, list[index]);
        out.varint(tag);
      }
    },
  };
}

function packedField(field: List): FieldCodec {
  const { write } = elementCodec(field, field.listKind);
  const tag = tagOf(field.number, wireType.delimited);
  return {
    property: field.localName,
    unset: never,
    write: (out, value) => {
      const list = value as readonly unknown[];
      if (list.length === 0) return;
      const end = out.position;
      for (let index = list.length - 1; index >= 0; index--) write(out, list[index]);
      out.delimit(end, tag);
    },
  };
}

/** Entries go in code-unit order of their keys, so that equal maps have equal bytes. */
function mapField(field: MapField): FieldCodec {
  const key = scalarCodecs[field.mapKey];
  const keyTag = tagOf(1, key.wire);
  const element = elementCodec(field, field.mapKind);
  const elementTag = tagOf(2, element.wire);
  const tag = tagOf(field.number, wireType.delimited);
  return {
    property: field.localName,
    unset: never,
    write: (out, value) => {
      const map = value as Readonly<Record<string, unknown>>;
      for (const text of sortedKeys(map).reverse()) {
        const end = out.position;
        element.write(out, map[text]);
        out.varint(elementTag);
        key.write(out, parseMapKey(field.mapKey, text));
        out.varint(keyTag);
        out.delimit(end, tag);
      }
    },
  };
}

function tagOf(number: number, wire: WireType): number {
  return ((number << 3) | wire) >>> 0;
}

function zeroTest(field: Singular): (value: unknown) => boolean {
  if (field.fieldKind !== 'enum') return scalarCodecs[field.scalar as ScalarType].isZero;
  const zero = field.enum.values[0]?.number ?? 0;
  return (value) => value === zero;
}

/** Zero as one value to compare with; floats tell -0 from 0, bytes and 64-bit integers have many zeros. */
function comparableZero(field: Singular): unknown {
  if (field.fieldKind === 'enum') return field.enum.values[0]?.number;
  switch (field.scalar) {
    case scalarType.STRING:
      return '';
    case scalarType.BOOL:
      return false;
    case scalarType.UINT32:
    case scalarType.INT32:
      return 0;
    default:
      return never;
  }
}

const enumCodec: Codec = scalarCodecs[scalarType.INT32];

function singularCodec(field: Singular): Codec {
  switch (field.fieldKind) {
    case 'scalar':
      return scalarCodecs[field.scalar];
    case 'enum':
      return enumCodec;
    case 'message':
      // Outside a one-of, protobuf-es holds the value of a wrapper, not the wrapper.
      return isWrapperDesc(field.message) && field.oneof === undefined
        ? wrapperCodec(field.message.fields[0].scalar)
        : messageCodec(field);
  }
}

function elementCodec(field: List | MapField, kind: 'scalar' | 'enum' | 'message'): Codec {
  if (kind === 'enum') return enumCodec;
  return kind === 'scalar' ? scalarCodecs[field.scalar as ScalarType] : messageCodec(field);
}

function messageCodec(field: DescField): Codec {
  const type = field.message as DescMessage;
  if (field.fieldKind !== 'map' && 'delimitedEncoding' in field && field.delimitedEncoding) {
    throw new TypeError(`${field.toString()}: groups are not supported`);
  }
  // Everywhere but in Value, protobuf-es holds a Struct as a plain JSON object.
  if (type.typeName === 'google.protobuf.Struct' && field.parent.typeName !== 'google.protobuf.Value') {
    return delimited((out, value) => writeStruct(out, value as JsonObject));
  }
  let codec: MessageCodec | undefined; // at first use: a type may contain itself, and most types are never used
  return delimited((out, value) => {
    codec ??= codecOf(type);
    writeMessage(out, codec, value as Message);
  });
}

function wrapperCodec(scalar: ScalarType): Codec {
  const { write, wire, isZero } = scalarCodecs[scalar];
  const tag = tagOf(1, wire);
  return delimited((out, value) => {
    if (isZero(value)) return;
    write(out, value);
    out.varint(tag);
  });
}

function delimited(write: WriteValue): Codec {
  return {
    wire: wireType.delimited,
    write: (out, value) => {
      const end = out.position;
      write(out, value);
      out.varint(end - out.position);
    },
  };
}
