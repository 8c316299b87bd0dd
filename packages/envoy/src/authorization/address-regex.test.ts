// Which addresses the text of a block matches.
import { describe, expect, it } from 'vitest';
import { addressRegex } from './address-regex.ts';

const matches = (block: string, bits: number | undefined, address: string): boolean =>
  new RegExp(`^${addressRegex(block, bits) ?? 'none'}$`).test(address);

describe('a block of addresses', () => {
  it.each([
    ['10.0.0.0', 8, ['10.0.0.0', '10.255.3.4'], ['11.0.0.0', '110.0.0.0', '9.255.255.255']],
    ['10.1.16.0', 20, ['10.1.16.0', '10.1.31.255'], ['10.1.15.255', '10.1.32.0', '10.1.160.1']],
    ['10.1.2.129', 25, ['10.1.2.128', '10.1.2.255'], ['10.1.2.127']],
    ['10.1.2.3', undefined, ['10.1.2.3'], ['10.1.2.4', '10.1.2.33', '1011.2.3']],
    ['0.0.0.0', 0, ['1.2.3.4'], ['::1']],
  ] as const)('%s/%s', (block, bits, inside, outside) => {
    for (const address of inside) expect([address, matches(block, bits, address)]).toEqual([address, true]);
    for (const address of outside) expect([address, matches(block, bits, address)]).toEqual([address, false]);
  });

  it('of IPv6 has no text', () => {
    expect(addressRegex('fd00::', 8)).toBeUndefined();
    expect(addressRegex('::ffff:1.2.3.4', 128)).toBeUndefined();
  });
});
