// Families of addresses and blocks; what is neither has none.
import { isIP } from 'node:net';
import type { Family } from './capture-rules.ts';

/** The family of an address or CIDR, or undefined when it is neither. */
export function cidrFamily(text: string): Family | undefined {
  const [address = '', bits, ...rest] = text.split('/');
  const version = isIP(address);
  if (version === 0 || rest.length > 0 || address.includes('%')) return undefined;
  if (bits !== undefined && !(/^\d{1,3}$/.test(bits) && Number(bits) <= (version === 4 ? 32 : 128)))
    return undefined;
  return version === 4 ? 'ipv4' : 'ipv6';
}

/** Those of one family, in their order. */
export const ofFamily = (blocks: readonly string[], family: Family): string[] =>
  blocks.filter((block) => cidrFamily(block) === family);
