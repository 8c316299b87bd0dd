// How each scalar type is written, and when it counts as unset; one row per type, nothing else knows them.
import { ScalarType } from '@bufbuild/protobuf';
import type { BackwardWriter } from './backward-writer.ts';

/** The values of the wire format's type bits. */
export const wireType = { varint: 0, bit64: 1, delimited: 2, bit32: 5 } as const;
export type WireType = (typeof wireType)[keyof typeof wireType];

/** Writes one value without its tag. The value's type is the field's, which the message types guarantee. */
export type WriteValue = (out: BackwardWriter, value: unknown) => void;

export interface ScalarCodec {
  readonly wire: WireType;
  readonly write: WriteValue;
  /** The value a field of implicit presence does not send. */
  readonly isZero: (value: unknown) => boolean;
}

const isZeroNumber = (value: unknown): boolean => Object.is(value, 0);
const isZeroLong = (value: unknown): boolean => value === 0n || value === '0' || value === 0;
const isEmpty = (value: unknown): boolean => (value as string | Uint8Array).length === 0;

/** 64-bit fields hold a bigint, or a string where the proto asks for it (`jstype`). */
const long = (value: unknown): bigint => (typeof value === 'bigint' ? value : BigInt(value as string));

const number = (wire: WireType, put: (out: BackwardWriter, value: number) => void): ScalarCodec => ({
  wire,
  write: (out, value) => put(out, value as number),
  isZero: isZeroNumber,
});

const integer64 = (wire: WireType, put: (out: BackwardWriter, value: bigint) => void): ScalarCodec => ({
  wire,
  write: (out, value) => put(out, long(value)),
  isZero: isZeroLong,
});

const { varint, bit64, delimited, bit32 } = wireType;

export const scalarCodecs: Readonly<Record<ScalarType, ScalarCodec>> = {
  [ScalarType.DOUBLE]: number(bit64, (out, value) => out.double(value)),
  [ScalarType.FLOAT]: number(bit32, (out, value) => out.float(value)),
  [ScalarType.INT32]: number(varint, (out, value) => out.int32(value)),
  [ScalarType.UINT32]: number(varint, (out, value) => out.uint32(value)),
  [ScalarType.SINT32]: number(varint, (out, value) => out.sint32(value)),
  [ScalarType.FIXED32]: number(bit32, (out, value) => out.fixed32(value)),
  [ScalarType.SFIXED32]: number(bit32, (out, value) => out.sfixed32(value)),
  [ScalarType.INT64]: integer64(varint, (out, value) => out.int64(value)),
  [ScalarType.UINT64]: integer64(varint, (out, value) => out.uint64(value)),
  [ScalarType.SINT64]: integer64(varint, (out, value) => out.sint64(value)),
  [ScalarType.FIXED64]: integer64(bit64, (out, value) => out.fixed64(value)),
  [ScalarType.SFIXED64]: integer64(bit64, (out, value) => out.sfixed64(value)),
  [ScalarType.BOOL]: {
    wire: varint,
    write: (out, value) => out.bool(value as boolean),
    isZero: (value) => value === false,
  },
  [ScalarType.STRING]: {
    wire: delimited,
    write: (out, value) => out.string(value as string),
    isZero: isEmpty,
  },
  [ScalarType.BYTES]: {
    wire: delimited,
    write: (out, value) => out.bytes(value as Uint8Array),
    isZero: isEmpty,
  },
};

/** A map's key as the scalar it is on the wire; objects hold it as a string. */
export function parseMapKey(type: ScalarType, key: string): unknown {
  if (type === ScalarType.STRING) return key;
  if (type === ScalarType.BOOL) return key === 'true';
  return scalarCodecs[type].isZero === isZeroLong ? BigInt(key) : Number(key);
}
