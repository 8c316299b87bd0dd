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

/** Writes one field of a message, tag included, if it is set. */
type WriteField = (out: BackwardWriter, message: Fields) => void;

/** How a value looks on the wire; `write` puts the value without its tag. */
interface Codec {
  readonly wire: WireType;
  readonly write: WriteValue;
}

export interface MessageCodec {
  /** By field number, descending: the order of writing backwards. */
  readonly fields: WriteField[];
}

const compiled = new WeakMap<DescMessage, MessageCodec>();

/** The codec of a message type; compiled at first use. Throws on groups, which nothing here uses. */
export function codecOf(type: DescMessage): MessageCodec {
  const known = compiled.get(type);
  if (known !== undefined) return known;
  const codec: MessageCodec = { fields: [] };
  compiled.set(type, codec); // before the fields: a type may contain itself
  const descending = [...type.fields].sort((a, b) => b.number - a.number);
  for (const field of descending) codec.fields.push(fieldWriter(field));
  return codec;
}

/** Writes a message's fields, without tag and length. */
export function writeMessage(out: BackwardWriter, codec: MessageCodec, message: Message): void {
  const unknown = message.$unknown;
  if (unknown !== undefined) writeUnknown(out, unknown);
  const { fields } = codec;
  for (let index = 0; index < fields.length; index++) fields[index]?.(out, message as Fields);
}

function writeUnknown(out: BackwardWriter, unknown: NonNullable<Message['$unknown']>): void {
  for (const { no, wireType: wire, data } of [...unknown].reverse()) {
    out.raw(data);
    out.varint(((no << 3) | wire) >>> 0);
  }
}

function fieldWriter(field: DescField): WriteField {
  switch (field.fieldKind) {
    case 'list':
      return field.packed ? packedWriter(field) : listWriter(field);
    case 'map':
      return mapWriter(field);
    default:
      return singularWriter(field);
  }
}

type Singular = DescField & { fieldKind: 'scalar' | 'enum' | 'message' };
type List = DescField & { fieldKind: 'list' };
type MapField = DescField & { fieldKind: 'map' };

function singularWriter(field: Singular): WriteField {
  const { write, wire } = singularCodec(field);
  const tag = tagOf(field.number, wire);
  const name = field.localName;
  if (field.oneof !== undefined) return oneofMemberWriter(field, write, tag);
  if (field.presence === presence.IMPLICIT) {
    const isZero = zeroTest(field);
    return (out, message) => {
      const value = message[name];
      if (isZero(value)) return;
      write(out, value);
      out.varint(tag);
    };
  }
  const mustBeSet = field.presence === presence.LEGACY_REQUIRED;
  // Defaults of proto2 fields are on the prototype; messages have no defaults.
  const isOwn = field.fieldKind === 'message' ? () => true : (m: Fields) => Object.hasOwn(m, name);
  return (out, message) => {
    const value = message[name];
    if (value !== undefined && isOwn(message)) {
      write(out, value);
      out.varint(tag);
    } else if (mustBeSet) throw new TypeError(`required field ${field.toString()} is not set`);
  };
}

/** Members are written at their own number's place, not at their one-of's. */
function oneofMemberWriter(field: Singular, write: WriteValue, tag: number): WriteField {
  const oneof = field.oneof?.localName ?? '';
  const name = field.localName;
  return (out, message) => {
    const selected = message[oneof] as { readonly case: string | undefined; readonly value?: unknown };
    if (selected.case !== name) return;
    write(out, selected.value);
    out.varint(tag);
  };
}

function listWriter(field: List): WriteField {
  const { write, wire } = elementCodec(field, field.listKind);
  const tag = tagOf(field.number, wire);
  const name = field.localName;
  return (out, message) => {
    const list = message[name] as readonly unknown[];
    for (let index = list.length - 1; index >= 0; index--) {
      write(out, list[index]);
      out.varint(tag);
    }
  };
}

function packedWriter(field: List): WriteField {
  const { write } = elementCodec(field, field.listKind);
  const tag = tagOf(field.number, wireType.delimited);
  const name = field.localName;
  return (out, message) => {
    const list = message[name] as readonly unknown[];
    if (list.length === 0) return;
    const end = out.position;
    for (let index = list.length - 1; index >= 0; index--) write(out, list[index]);
    out.delimit(end, tag);
  };
}

/** Entries go in code-unit order of their keys, so that equal maps have equal bytes. */
function mapWriter(field: MapField): WriteField {
  const key = scalarCodecs[field.mapKey];
  const keyTag = tagOf(1, key.wire);
  const { write, wire } = elementCodec(field, field.mapKind);
  const valueTag = tagOf(2, wire);
  const tag = tagOf(field.number, wireType.delimited);
  const name = field.localName;
  return (out, message) => {
    const map = message[name] as Readonly<Record<string, unknown>>;
    const keys = sortedKeys(map);
    for (let index = keys.length - 1; index >= 0; index--) {
      const text = keys[index] as string;
      const end = out.position;
      write(out, map[text]);
      out.varint(valueTag);
      key.write(out, parseMapKey(field.mapKey, text));
      out.varint(keyTag);
      out.delimit(end, tag);
    }
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
  const codec = codecOf(type);
  return delimited((out, value) => writeMessage(out, codec, value as Message));
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
