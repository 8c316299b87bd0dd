// Chooses a /20 of 10.240.0.0/12 for a mesh: the one its seed points at, or the next that no route of the host covers.

export interface Subnet {
  /** `10.243.16.0/20`. */
  readonly cidr: string;
  /** The host's address in it, where gateways and the DNS server listen. */
  readonly hostAddress: string;
  /** The source of the agent's probes, which are not captured. */
  readonly probeAddress: string;
}

const pool = toNumber('10.240.0.0');
const subnetBits = 20;
const subnetSize = 2 ** (32 - subnetBits);
const subnetCount = 256;
const firstSlot = 3;
export const prefixLength = subnetBits;

function toNumber(address: string): number {
  return address.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
}

function toAddress(value: number): string {
  return [24, 16, 8, 0].map((shift) => (value >>> shift) & 255).join('.');
}

interface Range {
  readonly first: number;
  readonly last: number;
  readonly bits: number;
}

/** The range of `10.0.0.0/8` or `192.0.2.1`; undefined for what is no IPv4 destination (`default`, IPv6). */
function rangeOf(destination: string): Range | undefined {
  const match = /^(\d+\.\d+\.\d+\.\d+)(?:\/(\d+))?$/.exec(destination);
  if (match === null) return undefined;
  const bits = Number(match[2] ?? 32);
  const size = 2 ** (32 - bits);
  const first = Math.floor(toNumber(match[1] ?? '') / size) * size;
  return { first, last: first + size - 1, bits };
}

function subnetAt(index: number): Subnet {
  const first = pool + index * subnetSize;
  return {
    cidr: `${toAddress(first)}/${subnetBits}`,
    hostAddress: toAddress(first + 1),
    probeAddress: toAddress(first + 2),
  };
}

/**
 * A subnet that none of the routes' destinations overlaps. Where wide routes (a VPN's 10.0.0.0/8) cover all of them,
 * one that no route of 16 bits or more overlaps: the narrower route wins in the kernel.
 */
export function chooseSubnet(seed: number, destinations: readonly string[]): Subnet | undefined {
  const ranges = destinations.map(rangeOf).filter((range) => range !== undefined && range.bits > 0);
  for (const minimumBits of [1, 16]) {
    const relevant = ranges.filter((range) => range !== undefined && range.bits >= minimumBits);
    for (let step = 0; step < subnetCount; step++) {
      const index = (seed + step * ((seed >>> 8) | 1)) % subnetCount;
      const first = pool + index * subnetSize;
      const last = first + subnetSize - 1;
      if (!relevant.some((range) => range !== undefined && range.first <= last && range.last >= first))
        return subnetAt(index);
    }
  }
  return undefined;
}

/** The lowest slot not in use, or undefined when the subnet is full. */
export function freeSlot(used: ReadonlySet<number>): number | undefined {
  for (let slot = firstSlot; slot < subnetSize - 1; slot++) if (!used.has(slot)) return slot;
  return undefined;
}

/** The same mesh's addresses of IPv6: a /64 of the block for private use, as far apart from others as its seed. */
export interface Subnet6 {
  readonly hostAddress: string;
  readonly probeAddress: string;
  readonly prefix: string;
}

/** The kernel shows addresses without leading zeros and with the longest run of zeros left out, and so does this. */
export function subnet6Of(seed: number): Subnet6 {
  const text = (seed >>> 0).toString(16).padStart(8, '0');
  const groups = [`fd${text.slice(0, 2)}`, text.slice(2, 6), `${text.slice(6)}58`];
  const prefix = `${groups.map((group) => Number.parseInt(group, 16).toString(16)).join(':')}::`;
  return { prefix, hostAddress: `${prefix}1`, probeAddress: `${prefix}2` };
}

export const prefixLength6 = 64;

export const slotAddress6 = ({ prefix }: Subnet6, slot: number): string => `${prefix}${slot.toString(16)}`;

/** The address of a slot. */
export function slotAddress(subnet: Subnet, slot: number): string {
  return toAddress(toNumber(subnet.hostAddress) - 1 + slot);
}
