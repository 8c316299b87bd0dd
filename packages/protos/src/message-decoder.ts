// Compiles a message descriptor into readers of its fields, once. The rule: a type that needs more than proto3 gives (defaults of proto2, groups) is left to protobuf-es.
import {
  create,
  type DescField,
  type DescMessage,
  type JsonObject,
  mergeFromBinary,
  ScalarType,
} from '@bufbuild/protobuf';
import { type BinaryReader, WireType } from '@bufbuild/protobuf/wire';
import { Edition, isWrapperDesc, FeatureSet_FieldPresence as presence } from '@bufbuild/protobuf/wkt';
import { readStruct } from './read-struct.ts';
import { readScalar, zeroOf } from './scalar-readers.ts';

/** A message by local field names, as protobuf-es lays it out. */
export type Fields = Record<string, unknown>;

/** Where a message is being read. */
export interface Reading {
  readonly reader: BinaryReader;
  /** Everything that the reader reads. */
  readonly bytes: Uint8Array;
  /** Of messages in messages. */
  depth: number;
}

type ReadField = (reading: Reading, message: Fields, wire: number) => void;
type ReadMessage = (reading: Reading, message: Fields, end: number) => void;

export interface MessageDecoder {
  create(): Fields;
  /** Undefined: protobuf-es has to. */
  readonly read: ReadMessage | undefined;
}

const compiled = new WeakMap<DescMessage, MessageDecoder>();

export function decoderOf(type: DescMessage): MessageDecoder {
  const known = compiled.get(type);
  if (known !== undefined) return known;
  const decoder = isSimple(type)
    ? { create: creatorOf(type), read: readerOf(type) }
    : { create: () => create(type) as unknown as Fields, read: undefined };
  compiled.set(type, decoder);
  return decoder;
}

const isSimple = ({ file, fields }: DescMessage): boolean =>
  file.edition === Edition.EDITION_PROTO3 &&
  fields.every(
    (field) =>
      !('delimitedEncoding' in field && field.delimitedEncoding === true) &&
      !('longAsString' in field && field.longAsString === true) &&
      (field.enum === undefined || field.enum.open),
  );

/** What is there before anything is read. */
function creatorOf({ typeName, members }: DescMessage): () => Fields {
  const template: Fields = { $typeName: typeName };
  const made: (readonly [string, () => unknown])[] = [];
  for (const member of members) {
    if (member.kind === 'oneof') made.push([member.localName, () => ({ case: undefined })]);
    else if (member.fieldKind === 'list') made.push([member.localName, () => []]);
    else if (member.fieldKind === 'map') made.push([member.localName, () => ({})]);
    else if (member.fieldKind !== 'message' && member.presence === presence.IMPLICIT)
      template[member.localName] = zeroOfField(member);
  }
  // Copied in one piece; what can be changed afterwards is made anew for each.
  for (const [name] of made) template[name] = undefined;
  return () => {
    const message = { ...template };
    for (const [name, make] of made) message[name] = make();
    return message;
  };
}

const zeroOfField = (field: DescField): unknown =>
  field.enum === undefined ? zeroOf(field.scalar ?? ScalarType.INT32) : (field.enum.values[0]?.number ?? 0);

/** As deep as protobuf-es reads. */
const mostDepth = 100;
const wireBits = 3;
const wireMask = 7;

function readerOf(type: DescMessage): ReadMessage {
  let fields: ReadonlyMap<number, ReadField> | undefined; // at first use: a type may contain itself
  return (reading, message, end) => {
    fields ??= new Map(type.fields.map((field) => [field.number, fieldReader(field)]));
    if (++reading.depth > mostDepth) throw new RangeError(`messages of ${type.typeName} are too deep`);
    const { reader } = reading;
    while (reader.pos < end) {
      const tag = reader.uint32();
      const wire = tag & wireMask;
      const number = tag >>> wireBits;
      const read = fields.get(number);
      if (read === undefined) skip(reader, number, wire);
      else read(reading, message, wire);
    }
    if (reader.pos !== end) throw new RangeError(`a message of ${type.typeName} ends inside a field`);
    reading.depth--;
  };
}

function skip(reader: BinaryReader, number: number, wire: number): void {
  if (number === 0) throw new RangeError('a field has no number');
  reader.skip(wire, number);
}

function fieldReader(field: DescField): ReadField {
  switch (field.fieldKind) {
    case 'list':
      return listReader(field);
    case 'map':
      return mapReader(field);
    default:
      return singularReader(field);
  }
}

function singularReader(field: DescField): ReadField {
  const { oneof, localName } = field;
  const read = elementReader(field);
  if (oneof === undefined)
    return (reading, message, wire) => {
      message[localName] = read(reading, wire, message[localName]);
    };
  const name = oneof.localName;
  return (reading, message, wire) => {
    const before = message[name] as { readonly case?: string; readonly value?: unknown };
    const value = read(reading, wire, before.case === localName ? before.value : undefined);
    message[name] = { case: localName, value };
  };
}

/** `before`: what is there already; messages are merged into it. */
type ReadElement = (reading: Reading, wire: number, before?: unknown) => unknown;

function elementReader(field: DescField): ReadElement {
  const { message } = field;
  if (message !== undefined) return messageReader(field, message);
  const type = field.enum === undefined ? (field.scalar ?? ScalarType.INT32) : ScalarType.INT32;
  const read = readScalar(type);
  return ({ reader }, wire) => {
    if (wire !== read.wire) throw new RangeError(`${field.toString()} has another wire type`);
    return read.read(reader);
  };
}

function messageReader(field: DescField, type: DescMessage): ReadElement {
  if (type.typeName === 'google.protobuf.Struct' && field.parent.typeName !== 'google.protobuf.Value')
    return delimited(({ reader }, end, before) => readStruct(reader, end, before as JsonObject | undefined));
  const isWrapper = isWrapperDesc(type) && field.fieldKind === 'message' && field.oneof === undefined;
  let decoder: MessageDecoder | undefined;
  return delimited((reading, end, before) => {
    decoder ??= decoderOf(type);
    const message = isWrapper || before === undefined ? decoder.create() : (before as Fields);
    readInto(type, decoder, { reading, message, end });
    return isWrapper ? message['value'] : message;
  });
}

interface Nested {
  readonly reading: Reading;
  readonly message: Fields;
  readonly end: number;
}

function readInto(type: DescMessage, decoder: MessageDecoder, { reading, message, end }: Nested): void {
  if (decoder.read !== undefined) {
    decoder.read(reading, message, end);
    return;
  }
  const { reader, bytes } = reading;
  mergeFromBinary(type, message as never, bytes.subarray(reader.pos, end));
  reader.pos = end;
}

function delimited(read: (reading: Reading, end: number, before: unknown) => unknown): ReadElement {
  return (reading, wire, before) => {
    if (wire !== WireType.LengthDelimited) throw new RangeError('a message has another wire type');
    const { reader } = reading;
    const length = reader.uint32();
    const end = reader.pos + length;
    if (end > reader.len) throw new RangeError('premature end');
    return read(reading, end, before);
  };
}

function listReader(field: DescField & { readonly fieldKind: 'list' }): ReadField {
  const { localName } = field;
  const read = elementReader(field);
  const scalar = field.message === undefined ? readScalar(field.scalar ?? ScalarType.INT32) : undefined;
  const isPackable = scalar !== undefined && scalar.wire !== WireType.LengthDelimited;
  return (reading, message, wire) => {
    const list = message[localName] as unknown[];
    if (!isPackable || wire !== WireType.LengthDelimited) {
      list.push(read(reading, wire));
      return;
    }
    const { reader } = reading;
    const end = reader.uint32() + reader.pos;
    if (end > reader.len) throw new RangeError('premature end');
    while (reader.pos < end) list.push(scalar.read(reader));
  };
}

const entryKey = 1;
const entryValue = 2;

function mapReader(field: DescField & { readonly fieldKind: 'map' }): ReadField {
  const { localName } = field;
  const key = readScalar(field.mapKey);
  const read = elementReader(field);
  const { message: type } = field;
  const zero = type === undefined ? zeroOfField(field) : undefined;
  const readEntry = delimited((reading, end) => {
    const { reader } = reading;
    let name: unknown;
    let value: unknown;
    while (reader.pos < end) {
      const tag = reader.uint32();
      const number = tag >>> wireBits;
      if (number === entryKey && (tag & wireMask) === key.wire) name = key.read(reader);
      else if (number === entryValue) value = read(reading, tag & wireMask);
      else skip(reader, number, tag & wireMask);
    }
    value ??= type === undefined ? zero : emptyOf(type);
    return [name ?? zeroOf(field.mapKey), value] as const;
  });
  return (reading, message, wire) => {
    const [name, value] = readEntry(reading, wire) as readonly [unknown, unknown];
    putEntry(message[localName] as Fields, String(name), value);
  };
}

const emptyOf = (type: DescMessage): unknown =>
  type.typeName === 'google.protobuf.Struct' ? {} : decoderOf(type).create();

/** A name that objects have anyway is a name like any other. */
export function putEntry(map: Record<string, unknown>, name: string, value: unknown): void {
  if (name === '__proto__')
    Object.defineProperty(map, name, { value, enumerable: true, configurable: true, writable: true });
  else map[name] = value;
}
