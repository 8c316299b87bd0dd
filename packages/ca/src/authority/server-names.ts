// DNS names and IP addresses of serving certificates, checked before they are signed.
import { isIP } from 'node:net';
import type { Result } from '@xebec/std';
import { succeed } from '@xebec/std';
import { refuse } from '../refusal.ts';

const DNS_NAME = /^(?:\*\.)?[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*$/;
const MAX_DNS_NAME = 253;

/** Lower-case names; a wildcard only as the whole first label. */
export function checkDnsNames(names: readonly string[]): Result<readonly string[]> {
  const bad = names.find((name) => name.length > MAX_DNS_NAME || !DNS_NAME.test(name) || isIP(name) !== 0);
  if (bad === undefined) return succeed(names);
  return refuse({
    code: 'bad-dns-name',
    message: `${JSON.stringify(bad.slice(0, MAX_DNS_NAME))} is not a DNS name`,
    remedy: 'write host names in lower case; IP addresses go into their own list',
  });
}

/** Each address as the 4 or 16 bytes of an iPAddress name (RFC 5280 §4.2.1.6). */
export function encodeIpAddresses(addresses: readonly string[]): Result<readonly Uint8Array[]> {
  const bad = addresses.find((address) => isIP(address) === 0 || address.includes('%'));
  if (bad === undefined) return succeed(addresses.map(encodeIpAddress));
  return refuse({
    code: 'bad-ip-address',
    message: `${JSON.stringify(bad.slice(0, MAX_DNS_NAME))} is not an IP address`,
    remedy: 'write an IPv4 or IPv6 address without a zone',
  });
}

function encodeIpAddress(address: string): Uint8Array {
  return isIP(address) === 4 ? Uint8Array.from(address.split('.'), Number) : encodeIpv6(address);
}

function encodeIpv6(address: string): Uint8Array {
  const [head = '', tail] = address.split('::');
  const before = ipv6Bytes(head);
  const after = ipv6Bytes(tail ?? '');
  const gap = new Array<number>(16 - before.length - after.length).fill(0);
  return Uint8Array.from([...before, ...gap, ...after]);
}

/** Groups of four hexadecimal digits, the last of which may be an IPv4 address. */
const ipv6Bytes = (text: string): number[] =>
  text
    .split(':')
    .filter((group) => group !== '')
    .flatMap((group) => {
      if (group.includes('.')) return group.split('.').map(Number);
      const value = Number.parseInt(group, 16);
      return [value >> 8, value & 0xff];
    });
