// The reader takes exactly what the writer makes, and survives everything else.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { codeOf, hasOpenssl, openssl, unwrap } from '../testing/fixtures.ts';
import {
  type DerElement,
  decodeDer,
  MAX_DER_BYTES,
  readBoolean,
  readObjectIdentifier,
  readTime,
  readUnsignedInteger,
  readWholeBitString,
} from './reader.ts';
import {
  bitString,
  booleanElement,
  encodeElement,
  objectIdentifier,
  octetString,
  sequence,
  setOf,
  timeElement,
  unsignedInteger,
  utf8String,
} from './writer.ts';

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');
const encodeTree = ({ tag, content, children }: DerElement): Buffer =>
  (tag & 0x20) === 0 ? encodeElement(tag, content) : encodeElement(tag, ...children.map(encodeTree));

describe('what is written is read back', () => {
  test('integers', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 2n ** 2_048n }), (value) => {
        const digits = value.toString(16);
        const magnitude = Buffer.from(digits.length % 2 === 0 ? digits : `0${digits}`, 'hex');
        expect(readUnsignedInteger(unwrap(decodeDer(unsignedInteger(magnitude))))).toBe(value);
      }),
    );
  });

  test('object identifiers', () => {
    const arc = fc.nat({ max: 2 ** 31 - 1 });
    fc.assert(
      fc.property(fc.nat({ max: 2 }), fc.nat({ max: 39 }), fc.array(arc, { maxLength: 9 }), (a, b, rest) => {
        const dotted = [a, b, ...rest].join('.');
        expect(readObjectIdentifier(unwrap(decodeDer(objectIdentifier(dotted))))).toBe(dotted);
      }),
    );
  });

  test('times on both sides of 2050', () => {
    fc.assert(
      fc.property(fc.integer({ min: Date.UTC(1950), max: Date.UTC(9999) }), (timeMs) => {
        expect(readTime(unwrap(decodeDer(timeElement(timeMs))))).toBe(Math.floor(timeMs / 1_000) * 1_000);
      }),
    );
  });

  test('nested elements of every length form', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 700 }), { maxLength: 12 }), (parts) => {
        const encoded = sequence(...parts.map((part) => sequence(octetString(part), bitString(part))));
        const { children } = unwrap(decodeDer(encoded));
        expect(children.map(({ children: [octets] }) => octets?.content)).toEqual(
          parts.map((part) => Buffer.from(part)),
        );
      }),
    );
  });

  test('a set is written in order', () => {
    expect(setOf(octetString(Uint8Array.of(9)), booleanElement(true))).toEqual(hex('31 06 0101ff 040109'));
  });
});

describe('malformed input is a value', () => {
  test.each([
    ['nothing', ''],
    ['a tag alone', '30'],
    ['an end beyond the input', '30 02 05'],
    ['something behind', '05 00 00'],
    ['an indefinite length', '30 80 0500 0000'],
    ['a long form of a short length', '04 81 01 00'],
    ['a padded length', '04 82 00 80 '.padEnd(14, ' ') + '00'.repeat(128)],
    ['a length of four bytes', '04 84 00000001 00'],
    ['a tag of several bytes', '1f 81 01 00'],
    ['a primitive sequence', '10 00'],
    ['a constructed octet string', '24 03 040100'],
    ['a child that ends after its parent', '30 03 04 02 00'],
    ['an end-of-contents mark', '30 02 0000'],
  ])('%s', (_, text) => {
    expect(codeOf(decodeDer(hex(text)))).toBe('malformed-der');
  });

  test('too deep, too many, too long', () => {
    let nested = sequence();
    for (let depth = 0; depth < 20; depth += 1) nested = sequence(nested);
    expect(codeOf(decodeDer(nested))).toBe('malformed-der');
    expect(codeOf(decodeDer(sequence(Buffer.alloc(10_000, hex('0500')))))).toBe('malformed-der');
    expect(codeOf(decodeDer(octetString(Buffer.alloc(MAX_DER_BYTES))))).toBe('malformed-der');
  });

  test.each([
    ['a padded integer', '02 02 0001', readUnsignedInteger],
    ['a negative integer', '02 01 80', readUnsignedInteger],
    ['an empty integer', '02 00', readUnsignedInteger],
    ['a boolean of one', '01 01 01', readBoolean],
    ['a padded arc', '06 03 2a8001', readObjectIdentifier],
    ['an unfinished arc', '06 02 2a81', readObjectIdentifier],
    ['an endless arc', `06 09 2a${'ff'.repeat(7)}01`, readObjectIdentifier],
    ['unused bits', '03 02 0401', readWholeBitString],
    ['the 31st of February', `17 0d ${Buffer.from('260231000000Z').toString('hex')}`, readTime],
    ['a time with a zone', `17 11 ${Buffer.from('260221000000+0100').toString('hex')}`, readTime],
  ])('%s has no reading', (_, text, read) => {
    expect(read(unwrap(decodeDer(hex(text))))).toBeUndefined();
  });

  test('random bytes never throw, and what is read has one encoding', () => {
    const likely = fc.array(
      fc.constantFrom(0x30, 0x31, 0x02, 0x03, 0x04, 0x05, 0x80, 0x81, 0x82, 0, 1, 2, 3, 4, 255),
      {
        maxLength: 40,
      },
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.uint8Array({ maxLength: 60 }),
          likely.map((bytes) => Uint8Array.from(bytes)),
        ),
        (bytes) => {
          const decoded = decodeDer(bytes);
          if (!decoded.ok) return;
          expect(encodeTree(decoded.value)).toEqual(Buffer.from(bytes));
          for (const read of [readUnsignedInteger, readBoolean, readObjectIdentifier, readTime])
            read(decoded.value);
        },
      ),
      { numRuns: 5_000 },
    );
  });
});

test.runIf(hasOpenssl)('openssl reads what is written', () => {
  const encoded = sequence(
    objectIdentifier('1.2.840.113549.1.1.11'),
    unsignedInteger(hex('ff00')),
    utf8String('Hafen'),
    timeElement(Date.UTC(2050, 0, 2, 3, 4, 5)),
  );
  const text = openssl(['asn1parse', '-inform', 'DER'], encoded).toString();
  expect(text).toContain(':sha256WithRSAEncryption');
  expect(text).toContain(':FF00');
  expect(text).toContain(':Hafen');
  expect(text).toContain('GENERALIZEDTIME   :20500102030405Z');
});
