// Reads google.protobuf.Struct, Value and ListValue as plain JSON values, as protobuf-es holds them.
import type { JsonObject, JsonValue } from '@bufbuild/protobuf';
import { type BinaryReader, WireType } from '@bufbuild/protobuf/wire';

const mostDepth = 100;
const wireBits = 3;
const wireMask = 7;

// Struct: map<string, Value> fields = 1; ListValue: repeated Value values = 1; an entry: key = 1, value = 2.
const firstField = 1;
const secondField = 2;
const kinds = { null: 1, number: 2, string: 3, bool: 4, struct: 5, list: 6 } as const;

/** Merges into `before`. */
export function readStruct(reader: BinaryReader, end: number, before?: JsonObject, depth = 0): JsonObject {
  const object: JsonObject = before ?? {};
  readEach(reader, end, depth, (number, wire) => {
    if (number !== firstField || wire !== WireType.LengthDelimited) return false;
    const entryEnd = endOf(reader);
    let key = '';
    let value: JsonValue = null;
    readEach(reader, entryEnd, depth, (field) => {
      if (field === firstField) key = reader.string(true);
      else if (field === secondField) value = readValue(reader, endOf(reader), depth + 1);
      else return false;
      return true;
    });
    put(object, key, value);
    return true;
  });
  return object;
}

/** A name that objects have anyway is a name like any other. */
function put(object: JsonObject, key: string, value: JsonValue): void {
  if (key === '__proto__')
    Object.defineProperty(object, key, { value, enumerable: true, configurable: true, writable: true });
  else object[key] = value;
}

function readValue(reader: BinaryReader, end: number, depth: number): JsonValue {
  let value: JsonValue = null;
  readEach(reader, end, depth, (number) => {
    switch (number) {
      case kinds.null:
        reader.int32();
        value = null;
        return true;
      case kinds.number:
        value = reader.double();
        return true;
      case kinds.string:
        value = reader.string(true);
        return true;
      case kinds.bool:
        value = reader.bool();
        return true;
      case kinds.struct:
        value = readStruct(reader, endOf(reader), undefined, depth + 1);
        return true;
      case kinds.list:
        value = readList(reader, endOf(reader), depth + 1);
        return true;
      default:
        return false;
    }
  });
  return value;
}

function readList(reader: BinaryReader, end: number, depth: number): JsonValue[] {
  const list: JsonValue[] = [];
  readEach(reader, end, depth, (number) => {
    if (number !== firstField) return false;
    list.push(readValue(reader, endOf(reader), depth + 1));
    return true;
  });
  return list;
}

function readEach(
  reader: BinaryReader,
  end: number,
  depth: number,
  read: (number: number, wire: number) => boolean,
): void {
  if (depth > mostDepth) throw new RangeError('a Struct is too deep');
  while (reader.pos < end) {
    const tag = reader.uint32();
    const number = tag >>> wireBits;
    if (number === 0) throw new RangeError('a field has no number');
    if (!read(number, tag & wireMask)) reader.skip(tag & wireMask, number);
  }
  if (reader.pos !== end) throw new RangeError('a Struct ends inside a field');
}

function endOf(reader: BinaryReader): number {
  const end = reader.uint32() + reader.pos;
  if (end > reader.len) throw new RangeError('premature end');
  return end;
}
