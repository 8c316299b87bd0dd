// Which addresses the control plane may call because a configuration says so: none that only this machine or its cloud answers at.
import { BlockList, isIP } from 'node:net';

export interface AddressGuard {
  /** Somebody has said that this host or address is meant, whatever it is. */
  isNamed(host: string, address?: string): boolean;
  /** The address is public, or named. */
  isOpen(host: string, address: string): boolean;
}

/** Loopback, link-local, unspecified, multicast, and where clouds tell a machine its secrets. */
const closed = [
  '0.0.0.0/8',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '100.100.100.200',
  '168.63.129.16',
  '192.0.0.0/24',
  '224.0.0.0/3',
  '::/127',
  'fe80::/10',
  'fec0::/10',
  'ff00::/8',
  'fd00:ec2::/32',
  'fd20:ce::254',
];

/** Entries are addresses, blocks of them, or names of hosts. */
export function createAddressGuard(allowed: readonly string[]): AddressGuard {
  const closedList = listOf(closed);
  const openList = listOf(allowed.filter(isAddress));
  const hosts = new Set(allowed.filter((entry) => !isAddress(entry)).map((entry) => entry.toLowerCase()));
  const isIn = (list: BlockList, address: string): boolean =>
    [address, ...embeddedIn(address)].some((each) => {
      const version = isIP(each);
      return version !== 0 && list.check(each, version === 6 ? 'ipv6' : 'ipv4');
    });
  const isNamed = (host: string, address?: string): boolean =>
    hosts.has(host.toLowerCase()) || (address !== undefined && isIn(openList, address));
  return {
    isNamed,
    isOpen: (host, address) => isIP(address) !== 0 && (isNamed(host, address) || !isIn(closedList, address)),
  };
}

/** `10.0.0.0/8`, `fd00::1`. */
export function isAddress(entry: string): boolean {
  const [address = '', bits, ...rest] = entry.split('/');
  const version = isIP(address);
  if (version === 0 || rest.length > 0) return false;
  return bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (version === 6 ? 128 : 32));
}

function listOf(entries: readonly string[]): BlockList {
  const list = new BlockList();
  for (const entry of entries) {
    const [address = '', bits] = entry.split('/');
    const version = isIP(address) === 6 ? 'ipv6' : 'ipv4';
    if (bits === undefined) list.addAddress(address, version);
    else list.addSubnet(address, Number(bits), version);
  }
  return list;
}

/** Addresses of IPv4 inside those of IPv6: a translator on the way may turn one into the other (RFC 6052, 3056). */
function embeddedIn(address: string): readonly string[] {
  if (isIP(address) !== 6) return [];
  const groups = groupsOf(address);
  const at = (index: number): string => {
    const [high = 0, low = 0] = groups.slice(index, index + 2);
    return `${high >> 8}.${high & 255}.${low >> 8}.${low & 255}`;
  };
  if (groups[0] === 0x64 && groups[1] === 0xff9b) return [at(6)];
  if (groups[0] === 0x2002) return [at(1)];
  return groups.slice(0, 5).every((group) => group === 0) ? [at(6)] : [];
}

function groupsOf(address: string): readonly number[] {
  const { hostname } = new URL(`http://[${address.split('%')[0]}]/`);
  const [front = '', back] = hostname.slice(1, -1).split('::');
  const numbers = (text: string): number[] =>
    text === '' ? [] : text.split(':').map((group) => Number.parseInt(group, 16));
  if (back === undefined) return numbers(front);
  const [left, right] = [numbers(front), numbers(back)];
  return [...left, ...new Array<number>(8 - left.length - right.length).fill(0), ...right];
}
