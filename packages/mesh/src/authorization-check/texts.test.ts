// Hosts against patterns, as proxies compare them.
import { expect, test } from 'vitest';
import { matchesHost } from './texts.ts';

const suffix = (value: string) => ({ kind: 'suffix' as const, value });

test.each([
  ['a.example.com:80', suffix('.example.com'), true],
  ['A.EXAMPLE.COM.', suffix('.example.com'), true],
  ['b.example.com:8080', suffix('8080'), true],
  ['b.example.com:8080', suffix('com:8080'), true],
  ['b.example.com:8081', suffix('com:8080'), false],
  ['b.example.com', suffix('8080'), false],
  ['b.example.com:8080', { kind: 'exact' as const, value: '8080' }, false],
])('%s and %j: %s', (host, pattern, matches) => {
  expect(matchesHost(host, pattern)).toBe(matches);
});
