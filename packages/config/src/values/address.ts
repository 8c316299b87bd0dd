// IP addresses and blocks.
import ipaddr from 'ipaddr.js';
import { andThen, type Decoder, quote, text } from '../decode/decoder.ts';
import { refuse } from '../decode/walk.ts';

const maxLength = 64;

/** A literal IPv4 (four decimal parts) or IPv6 address without zone. */
export const isIpAddress = (value: string): boolean =>
  value.length <= maxLength &&
  !value.includes('%') &&
  (ipaddr.IPv4.isValidFourPartDecimal(value) || ipaddr.IPv6.isValid(value));

export const isIpv6 = (value: string): boolean => isIpAddress(value) && value.includes(':');

export const isCidr = (value: string): boolean => {
  const slash = value.indexOf('/');
  if (slash < 0 || !isIpAddress(value.slice(0, slash))) return false;
  return /^\d{1,3}$/.test(value.slice(slash + 1)) && ipaddr.isValidCIDR(value);
};

/** An IP address. */
export const ipAddress: Decoder<string> = andThen(text, (value, walk) =>
  isIpAddress(value)
    ? value
    : refuse(walk, {
        code: 'invalid-address',
        message: `${quote(value)} is not an IP address`,
        remedy: 'write an IPv4 or IPv6 address such as 10.0.0.7 or fd00::7',
      }),
);

/** An IP address or a CIDR block. */
export const ipAddressOrBlock: Decoder<string> = andThen(text, (value, walk) =>
  isIpAddress(value) || isCidr(value)
    ? value
    : refuse(walk, {
        code: 'invalid-address',
        message: `${quote(value)} is not an IP address or block`,
        remedy: 'write an address such as 10.0.0.7 or a block such as 10.0.0.0/24',
      }),
);
