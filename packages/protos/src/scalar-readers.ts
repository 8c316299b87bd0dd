// How the scalar types are read, and what they are when nothing was.
import { ScalarType } from '@bufbuild/protobuf';
import { type BinaryReader, WireType } from '@bufbuild/protobuf/wire';

export interface ScalarReader {
  readonly wire: WireType;
  read(reader: BinaryReader): unknown;
}

const varint = (read: (reader: BinaryReader) => unknown): ScalarReader => ({ wire: WireType.Varint, read });
const bit32 = (read: (reader: BinaryReader) => unknown): ScalarReader => ({ wire: WireType.Bit32, read });
const bit64 = (read: (reader: BinaryReader) => unknown): ScalarReader => ({ wire: WireType.Bit64, read });
const delimited = (read: (reader: BinaryReader) => unknown): ScalarReader => ({
  wire: WireType.LengthDelimited,
  read,
});

const readers: Readonly<Record<ScalarType, ScalarReader>> = {
  [ScalarType.DOUBLE]: bit64((reader) => reader.double()),
  [ScalarType.FLOAT]: bit32((reader) => reader.float()),
  [ScalarType.INT64]: varint((reader) => reader.int64()),
  [ScalarType.UINT64]: varint((reader) => reader.uint64()),
  [ScalarType.INT32]: varint((reader) => reader.int32()),
  [ScalarType.FIXED64]: bit64((reader) => reader.fixed64()),
  [ScalarType.FIXED32]: bit32((reader) => reader.fixed32()),
  [ScalarType.BOOL]: varint((reader) => reader.bool()),
  [ScalarType.STRING]: delimited((reader) => reader.string(true)),
  [ScalarType.BYTES]: delimited((reader) => reader.bytes()),
  [ScalarType.UINT32]: varint((reader) => reader.uint32()),
  [ScalarType.SFIXED32]: bit32((reader) => reader.sfixed32()),
  [ScalarType.SFIXED64]: bit64((reader) => reader.sfixed64()),
  [ScalarType.SINT32]: varint((reader) => reader.sint32()),
  [ScalarType.SINT64]: varint((reader) => reader.sint64()),
};

export const readScalar = (type: ScalarType): ScalarReader => readers[type];

export function zeroOf(type: ScalarType): unknown {
  switch (type) {
    case ScalarType.STRING:
      return '';
    case ScalarType.BOOL:
      return false;
    case ScalarType.BYTES:
      return new Uint8Array(0);
    case ScalarType.INT64:
    case ScalarType.UINT64:
    case ScalarType.FIXED64:
    case ScalarType.SFIXED64:
    case ScalarType.SINT64:
      return 0n;
    default:
      return 0;
  }
}
