// PEM is read back as written, and any other text is refused.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { codeOf, unwrap } from '../testing/fixtures.ts';
import { encodePem, parsePem } from './pem.ts';

test('blocks come back, with either line end', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ minLength: 1, maxLength: 200 }), { maxLength: 4 }), (parts) => {
      const text = parts.map((part) => encodePem('CERTIFICATE', part)).join('\n');
      const expected = parts.map((part) => ({ label: 'CERTIFICATE', der: Buffer.from(part) }));
      expect(unwrap(parsePem(text))).toEqual(expected);
      expect(unwrap(parsePem(text.replaceAll('\n', '\r\n')))).toEqual(expected);
    }),
  );
});

const block = encodePem('CERTIFICATE', Buffer.alloc(100, 7));

test.each([
  ['text before', `subject=a\n${block}`],
  ['text behind', `${block}tail`],
  ['no end', block.slice(0, -30)],
  ['another end', block.replace('END CERTIFICATE', 'END PRIVATE KEY')],
  ['an empty block', '-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n'],
  ['a foreign character', block.replace('Bwc', 'B*c')],
  ['missing padding', block.replace('==', '')],
  ['a block in a block', block.replace('\nBwc', '\n-----BEGIN CERTIFICATE-----\nBwc')],
])('%s is refused', (_, text) => {
  expect(codeOf(parsePem(text))).toBe('malformed-pem');
});

test('random damage never throws', () => {
  fc.assert(
    fc.property(fc.nat({ max: block.length - 1 }), fc.string({ maxLength: 3 }), (at, text) => {
      parsePem(block.slice(0, at) + text + block.slice(at + 1));
    }),
  );
});
