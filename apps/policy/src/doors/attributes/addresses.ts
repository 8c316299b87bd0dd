// Addresses between text and bytes.
import { isIP, isIPv4 } from 'node:net';

/** The same few addresses come again and again. */
const mostRemembered = 4_096;
const rememberedBytes = new Map<string, Uint8Array>();

/** 4 or 16 bytes, not to be changed; an IPv4 address inside IPv6 is one of IPv4. Undefined: no address. */
export function addressBytes(text: string): Uint8Array | undefined {
  const remembered = rememberedBytes.get(text);
  if (remembered !== undefined) return remembered;
  const bytes = readAddress(text);
  if (rememberedBytes.size >= mostRemembered) rememberedBytes.clear();
  if (bytes !== undefined) rememberedBytes.set(text, bytes);
  return bytes;
}

function readAddress(text: string): Uint8Array | undefined {
  const bare = text.startsWith('::ffff:') && isIPv4(text.slice(7)) ? text.slice(7) : text;
  switch (isIP(bare)) {
    case 4:
      return Uint8Array.from(bare.split('.'), Number);
    case 6:
      return bytesOfIpv6(bare);
    default:
      return undefined;
  }
}

function bytesOfIpv6(text: string): Uint8Array {
  const [plain = ''] = text.split('%');
  const groups = withIpv4Tail(plain);
  const [head = '', tail] = groups.split('::');
  const before = words(head);
  const after = tail === undefined ? [] : words(tail);
  const zeros = Array.from({ length: 8 - before.length - after.length }, () => 0);
  return Uint8Array.from([...before, ...zeros, ...after].flatMap((word) => [word >> 8, word & 0xff]));
}

const words = (text: string): readonly number[] =>
  text === '' ? [] : text.split(':').map((group) => Number.parseInt(group, 16));

/** `::1.2.3.4` with its last four bytes as groups. */
function withIpv4Tail(text: string): string {
  const last = text.slice(text.lastIndexOf(':') + 1);
  if (!isIPv4(last)) return text;
  const [a = 0, b = 0, c = 0, d = 0] = last.split('.').map(Number);
  return `${text.slice(0, -last.length)}${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
}

/** An address without brackets and port; undefined: no address. */
export function plainAddress(address: string): string | undefined {
  if (isIP(address) === 0) return undefined;
  return address.startsWith('::ffff:') && isIPv4(address.slice(7)) ? address.slice(7) : address;
}

/** `IP:PORT`, `[IP]:PORT` → the address; undefined where there is none, as for sockets of the file system. */
export function addressOfPeer(peer: string): string | undefined {
  const address = /^\[?([0-9a-fA-F:.]+?)\]?:\d+$/.exec(peer)?.[1];
  return address === undefined ? undefined : plainAddress(address);
}
