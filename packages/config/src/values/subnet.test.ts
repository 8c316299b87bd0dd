import { expect, test } from 'vitest';
import { isInBlocks, prefixOf } from './subnet.ts';

test.each([
  ['10.1.2.3', ['10.0.0.0/8'], true],
  ['10.1.2.3', ['192.168.0.0/16', '10.1.2.3'], true],
  ['11.1.2.3', ['10.0.0.0/8'], false],
  ['10.0.0.0/16', ['10.0.0.0/8'], true],
  ['10.0.0.0/8', ['10.0.0.0/16'], false],
  ['fd00::7', ['fd00::/8'], true],
  ['fd00::7', ['0.0.0.0/0'], false],
  ['10.1.2.3', ['::/0'], false],
  ['10.1.2.3', ['0.0.0.0/0'], true],
  ['nonsense', ['0.0.0.0/0'], false],
  ['10.1.2.3', [], false],
])('%s in %j: %s', (address, blocks, expected) => {
  expect(isInBlocks(address, blocks)).toBe(expected);
});

test('an address is the block of itself', () => {
  expect(prefixOf('10.0.0.7')).toEqual({ address: '10.0.0.7', length: 32 });
  expect(prefixOf('fd00::/8')).toEqual({ address: 'fd00::', length: 8 });
});
