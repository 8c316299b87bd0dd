// Writes plain JSON values as google.protobuf.Struct, Value and ListValue; keys go in code-unit order,
// so that equal objects have equal bytes.
import type { JsonObject, JsonValue } from '@bufbuild/protobuf';
import type { BackwardWriter } from './backward-writer.ts';
import { wireType } from './scalar-codecs.ts';

const { varint, bit64, delimited } = wireType;

// Struct: map<string, Value> fields = 1; ListValue: repeated Value values = 1; an entry: key = 1, value = 2.
const structEntryTag = (1 << 3) | delimited;
const listItemTag = (1 << 3) | delimited;
const entryKeyTag = (1 << 3) | delimited;
const entryValueTag = (2 << 3) | delimited;
// Value's one-of.
const nullTag = (1 << 3) | varint;
const numberTag = (2 << 3) | bit64;
const stringTag = (3 << 3) | delimited;
const boolTag = (4 << 3) | varint;
const structTag = (5 << 3) | delimited;
const listTag = (6 << 3) | delimited;

/** The own keys in code-unit order. */
export function sortedKeys(object: object): string[] {
  const keys = Object.keys(object);
  return keys.length > 1 ? keys.sort() : keys;
}

/** Writes the fields of a Struct. */
export function writeStruct(out: BackwardWriter, object: JsonObject): void {
  for (const key of sortedKeys(object).reverse()) {
    const end = out.position;
    writeValue(out, object[key] as JsonValue);
    out.delimit(end, entryValueTag);
    out.string(key);
    out.varint(entryKeyTag);
    out.delimit(end, structEntryTag);
  }
}

function writeList(out: BackwardWriter, list: readonly JsonValue[]): void {
  for (let index = list.length - 1; index >= 0; index--) {
    const end = out.position;
    writeValue(out, list[index] as JsonValue);
    out.delimit(end, listItemTag);
  }
}

function writeValue(out: BackwardWriter, value: JsonValue): void {
  out.varint(writeKind(out, value));
}

/** Writes the value and returns the tag of its kind. */
function writeKind(out: BackwardWriter, value: JsonValue): number {
  switch (typeof value) {
    case 'string':
      out.string(value);
      return stringTag;
    case 'number':
      out.double(value);
      return numberTag;
    case 'boolean':
      out.bool(value);
      return boolTag;
    case 'object':
      return writeObject(out, value);
    default:
      throw new TypeError(`not a JSON value: ${typeof value}`);
  }
}

function writeObject(out: BackwardWriter, value: JsonObject | JsonValue[] | null): number {
  if (value === null) {
    out.varint(0);
    return nullTag;
  }
  const end = out.position;
  const isList = Array.isArray(value);
  if (isList) writeList(out, value);
  else writeStruct(out, value);
  out.varint(end - out.position);
  return isList ? listTag : structTag;
}
