// Blocks of addresses that answer whether an address lies in one of them. Rule: an IPv4 address written as IPv6 is the IPv4 address.
import { parseIpAddress, shortestBytes } from '../../expressions/values/ip-address.ts';

export interface AddressBlocks {
  readonly size: number;
  has(address: Uint8Array): boolean;
}

export interface AddressBlock {
  readonly bytes: Uint8Array;
  /** Bits that count. */
  readonly length: number;
}

const mappedBits = 96;
const bitsPerByte = 8;
const ipv6Bits = 128;

/** An address or a block; undefined when it is neither. */
export function readBlock(written: string): AddressBlock | undefined {
  const slash = written.indexOf('/');
  const address = parseIpAddress(slash < 0 ? written : written.slice(0, slash));
  if (address === undefined) return undefined;
  const bytes = shortestBytes(address);
  if (slash < 0) return { bytes, length: bytes.length * bitsPerByte };
  const digits = written.slice(slash + 1);
  if (!/^\d{1,3}$/.test(digits)) return undefined;
  const length = Number(digits);
  if (!written.includes(':')) return length <= bytes.length * bitsPerByte ? { bytes, length } : undefined;
  if (length > ipv6Bits) return undefined;
  if (bytes === address || length < mappedBits) return { bytes: address, length };
  return { bytes, length: length - mappedBits };
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
      const bytes = shortestBytes(address);
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
