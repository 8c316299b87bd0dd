// Blocks of addresses that answer whether an address lies in one of them. Rule: an IPv4 address written as IPv6 is the IPv4 address.
import { addressBytes } from '@xebec/config/decode';

export interface AddressBlocks {
  readonly size: number;
  has(address: Uint8Array): boolean;
}

export interface AddressBlock {
  readonly bytes: Uint8Array;
  /** Bits that count. */
  readonly length: number;
}

const ipv4Bytes = 4;
const ipv6Bytes = 16;
const mappedBits = 96;
const bitsPerByte = 8;

/** An address or a block; undefined when it is neither. */
export function readBlock(written: string): AddressBlock | undefined {
  const slash = written.indexOf('/');
  const bytes = addressBytes(slash < 0 ? written : written.slice(0, slash));
  if (bytes === undefined) return undefined;
  const plain = unmapped(bytes);
  const most = bytes.length * bitsPerByte;
  if (slash < 0) return { bytes: plain, length: plain.length * bitsPerByte };
  const digits = written.slice(slash + 1);
  const length = Number(digits);
  if (!/^\d{1,3}$/.test(digits) || length > most) return undefined;
  if (plain === bytes) return { bytes, length };
  return length < mappedBits ? { bytes, length } : { bytes: plain, length: length - mappedBits };
}

/** `::ffff:10.0.0.1` is 10.0.0.1. */
export function unmapped(bytes: Uint8Array): Uint8Array {
  if (bytes.length !== ipv6Bytes) return bytes;
  const isMapped =
    bytes.subarray(0, 10).every((byte) => byte === 0) && bytes[10] === 0xff && bytes[11] === 0xff;
  return isMapped ? bytes.subarray(ipv6Bytes - ipv4Bytes) : bytes;
}

/** One look-up for each length of prefix that occurs. */
export function gatherBlocks(blocks: readonly AddressBlock[]): AddressBlocks {
  const byShape = new Map<string, { family: number; length: number; networks: Set<string> }>();
  for (const { bytes, length } of blocks) {
    const shape = `${bytes.length}/${length}`;
    const group = byShape.get(shape) ?? { family: bytes.length, length, networks: new Set<string>() };
    byShape.set(shape, group);
    group.networks.add(networkOf(bytes, length));
  }
  const groups = [...byShape.values()];
  return {
    size: blocks.length,
    has: (address) => {
      const bytes = unmapped(address);
      return groups.some(
        ({ family, length, networks }) => family === bytes.length && networks.has(networkOf(bytes, length)),
      );
    },
  };
}

/** The bits that count, as a key. */
function networkOf(bytes: Uint8Array, length: number): string {
  const whole = Math.floor(length / bitsPerByte);
  const rest = length % bitsPerByte;
  const key = bytes.subarray(0, whole).join('.');
  return rest === 0 ? key : `${key}|${(bytes[whole] ?? 0) >> (bitsPerByte - rest)}`;
}
