// Writes DER (X.690): every function returns the complete, canonical encoding of one element.
import { assert } from '@xebec/std';
import { contextTag, TAG } from './tags.ts';

function encodeLength(length: number): Buffer {
  if (length < 0x80) return Buffer.from([length]);
  const digits: number[] = [];
  for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) digits.unshift(rest % 256);
  return Buffer.from([0x80 | digits.length, ...digits]);
}

/** Tag, length and the concatenated contents. */
export function encodeElement(tag: number, ...contents: readonly Uint8Array[]): Buffer {
  const length = contents.reduce((sum, part) => sum + part.length, 0);
  return Buffer.concat([Buffer.from([tag]), encodeLength(length), ...contents]);
}

export const sequence = (...parts: readonly Uint8Array[]): Buffer => encodeElement(TAG.sequence, ...parts);

/** SET OF: DER wants the encodings in ascending order (X.690 §11.6). */
export const setOf = (...parts: readonly Uint8Array[]): Buffer =>
  encodeElement(TAG.set, ...[...parts].sort(Buffer.compare));

export const octetString = (bytes: Uint8Array): Buffer => encodeElement(TAG.octetString, bytes);
export const utf8String = (text: string): Buffer => encodeElement(TAG.utf8String, Buffer.from(text, 'utf8'));
export const booleanElement = (value: boolean): Buffer =>
  encodeElement(TAG.boolean, Buffer.from([value ? 0xff : 0]));
export const nullElement = (): Buffer => encodeElement(TAG.null);

/** `unusedBits` counts the low bits of the last byte that do not belong to the string. */
export const bitString = (bytes: Uint8Array, unusedBits = 0): Buffer =>
  encodeElement(TAG.bitString, Buffer.from([unusedBits]), bytes);

/** A non-negative INTEGER from its big-endian magnitude. */
export function unsignedInteger(magnitude: Uint8Array): Buffer {
  let start = 0;
  while (start < magnitude.length - 1 && magnitude[start] === 0) start += 1;
  const digits = magnitude.length === 0 ? Uint8Array.of(0) : magnitude.subarray(start);
  const needsSign = ((digits[0] ?? 0) & 0x80) !== 0;
  return encodeElement(TAG.integer, Buffer.from(needsSign ? [0] : []), digits);
}

export function smallInteger(value: number): Buffer {
  assert(Number.isInteger(value) && value >= 0 && value < 256, 'versions and path lengths fit one byte');
  return unsignedInteger(Uint8Array.of(value));
}

/** An OBJECT IDENTIFIER from its dotted text. */
export function objectIdentifier(dotted: string): Buffer {
  const arcs = dotted.split('.').map(Number);
  const [first, second, ...rest] = arcs;
  assert(first !== undefined && second !== undefined && arcs.every(Number.isSafeInteger), `OID ${dotted}`);
  return encodeElement(
    TAG.objectIdentifier,
    Buffer.from([first * 40 + second, ...rest].flatMap((arc) => base128(arc))),
  );
}

function base128(arc: number): number[] {
  const septets = [arc % 128];
  for (let rest = Math.floor(arc / 128); rest > 0; rest = Math.floor(rest / 128)) {
    septets.unshift((rest % 128) | 0x80);
  }
  return septets;
}

/** UTCTime up to 2049, GeneralizedTime from 2050 (RFC 5280 §4.1.2.5); whole seconds, rounded down. */
export function timeElement(timeMs: number): Buffer {
  const digits = `${new Date(timeMs).toISOString().replace(/[-:T]/g, '').slice(0, 14)}Z`;
  const year = Number(digits.slice(0, 4));
  return year >= 1950 && year < 2050
    ? encodeElement(TAG.utcTime, Buffer.from(digits.slice(2), 'ascii'))
    : encodeElement(TAG.generalizedTime, Buffer.from(digits, 'ascii'));
}

/** `[number] EXPLICIT` around complete elements. */
export const explicit = (number: number, ...parts: readonly Uint8Array[]): Buffer =>
  encodeElement(contextTag(number, 'constructed'), ...parts);

/** `[number] IMPLICIT` of a string type. */
export const implicitString = (number: number, bytes: Uint8Array): Buffer =>
  encodeElement(contextTag(number, 'primitive'), bytes);
