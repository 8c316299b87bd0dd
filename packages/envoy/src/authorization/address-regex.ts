// Blocks of IPv4 addresses as regular expressions of their text, for where Envoy compares nothing but text.

/** Matches the addresses of a block as Envoy writes them. Undefined for IPv6: one address has several texts there. */
export function addressRegex(prefix: string, bits = 32): string | undefined {
  const octets = prefix.split('.').map(Number);
  if (octets.length !== 4 || octets.some((octet) => !Number.isInteger(octet))) return undefined;
  return octets
    .map((octet, index) => octetRegex(octet, Math.min(8, Math.max(0, bits - 8 * index))))
    .join('\\.');
}

/** Of the numbers that share their first `bits` bits with one. */
function octetRegex(octet: number, bits: number): string {
  if (bits === 0) return '[0-9]+';
  const size = 2 ** (8 - bits);
  const first = octet - (octet % size);
  if (size === 1) return String(first);
  return `(?:${Array.from({ length: size }, (_, index) => first + index).join('|')})`;
}
