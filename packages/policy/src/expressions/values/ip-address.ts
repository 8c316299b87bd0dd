// IP addresses as bytes. Rule: text gives 16 bytes, IPv4 as ::ffff:a.b.c.d; 4 and 16 bytes of one address are equal.

/** 16 bytes, or undefined. Zones are not addresses. */
export function parseIpAddress(text: string): Uint8Array | undefined {
  if (text.length > 64) return undefined;
  if (!text.includes(':')) {
    const bytes = parseIpv4(text);
    return bytes === undefined ? undefined : mapped(bytes);
  }
  return parseIpv6(text);
}

const mapped = (bytes: readonly number[]): Uint8Array =>
  Uint8Array.from([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, ...bytes]);

function parseIpv4(text: string): readonly number[] | undefined {
  const parts = text.split('.');
  if (
    parts.length !== 4 ||
    !parts.every((part) => /^(?:0|[1-9]\d{0,2})$/.test(part) && Number(part) <= 255)
  ) {
    return undefined;
  }
  return parts.map(Number);
}

function parseIpv6(text: string): Uint8Array | undefined {
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const [head, tail] = halves.map((half, index) => groupsOf(half, index === halves.length - 1));
  if (head === undefined || (halves.length === 2 && tail === undefined)) return undefined;
  const given = head.length + (tail?.length ?? 0);
  if (halves.length === 1 ? given !== 8 : given > 7) return undefined;
  const groups = [...head, ...new Array<number>(8 - given).fill(0), ...(tail ?? [])];
  return Uint8Array.from(groups.flatMap((group) => [group >> 8, group & 0xff]));
}

/** Groups of 16 bits; the last two may be written as IPv4. */
function groupsOf(text: string, isLast: boolean): readonly number[] | undefined {
  if (text === '') return [];
  const groups: number[] = [];
  const parts = text.split(':');
  for (const [index, part] of parts.entries()) {
    if (isLast && index === parts.length - 1 && part.includes('.')) {
      const [a, b, c, d] = parseIpv4(part) ?? [];
      if (a === undefined || b === undefined || c === undefined || d === undefined) return undefined;
      groups.push(a * 256 + b, c * 256 + d);
    } else if (/^[0-9a-fA-F]{1,4}$/.test(part)) groups.push(Number.parseInt(part, 16));
    else return undefined;
  }
  return groups;
}

const isMapped = (bytes: Uint8Array): boolean =>
  bytes.length === 16 && bytes.subarray(0, 12).every((byte, index) => byte === (index < 10 ? 0 : 0xff));

/** The 4 bytes of an IPv4 address, however it is held; any other bytes as they are. */
export const shortestBytes = (bytes: Uint8Array): Uint8Array =>
  isMapped(bytes) ? bytes.subarray(12) : bytes;

/** 16 bytes for an address of either length. */
export const longestBytes = (bytes: Uint8Array): Uint8Array =>
  bytes.length === 4 ? mapped([...bytes]) : bytes;

export function equalIpAddresses(a: Uint8Array, b: Uint8Array): boolean {
  const [left, right] = [shortestBytes(a), shortestBytes(b)];
  return left.length === right.length && left.every((byte, index) => byte === right[index]);
}

/** `10.0.0.1`, or the shortest form of IPv6 (RFC 5952); bytes of no address as hexadecimal digits. */
export function formatIpAddress(bytes: Uint8Array): string {
  const short = shortestBytes(bytes);
  if (short.length === 4) return short.join('.');
  if (short.length !== 16) return hexOf(short);
  const groups: number[] = [];
  for (let index = 0; index < 16; index += 2)
    groups.push((short[index] ?? 0) * 256 + (short[index + 1] ?? 0));
  const [start, length] = longestZeros(groups);
  const text = (part: readonly number[]): string => part.map((group) => group.toString(16)).join(':');
  if (length < 2) return text(groups);
  return `${text(groups.slice(0, start))}::${text(groups.slice(start + length))}`;
}

export const hexOf = (bytes: Uint8Array): string =>
  [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');

function longestZeros(groups: readonly number[]): readonly [start: number, length: number] {
  let best: readonly [number, number] = [0, 0];
  let start = 0;
  for (const [index, group] of groups.entries()) {
    if (group !== 0) start = index + 1;
    else if (index + 1 - start > best[1]) best = [start, index + 1 - start];
  }
  return best;
}
