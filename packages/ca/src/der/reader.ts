// Reads DER (X.690) strictly into a tree: one encoding per value, bounded in size, depth and count; malformed input is a failure value.
import type { Result } from '@xebec/std';
import { succeed } from '@xebec/std';
import { refuse } from '../refusal.ts';
import { TAG } from './tags.ts';

/** One element; `children` is filled for constructed elements, `content` for all. */
export interface DerElement {
  readonly tag: number;
  /** The whole encoding: tag, length and content. */
  readonly bytes: Buffer;
  readonly content: Buffer;
  readonly children: readonly DerElement[];
}

export const MAX_DER_BYTES = 64 * 1024;
const MAX_DEPTH = 16;
const MAX_ELEMENTS = 4_096;

/** Exactly one element that fills `input`; never throws. */
export function decodeDer(input: Uint8Array): Result<DerElement> {
  if (input.length > MAX_DER_BYTES) return malformed(`longer than ${MAX_DER_BYTES} bytes`);
  const bytes = Buffer.from(input.buffer, input.byteOffset, input.length);
  const decoded = decodeSeries(bytes, MAX_DEPTH, { elements: MAX_ELEMENTS });
  if (typeof decoded === 'string') return malformed(decoded);
  const [only, ...others] = decoded;
  if (only === undefined || others.length > 0) return malformed('not exactly one element');
  return succeed(only);
}

const malformed = (why: string): Result<never> =>
  refuse({
    code: 'malformed-der',
    message: `the DER encoding is malformed: ${why}`,
    remedy: 'encode it again as DER',
  });

interface Budget {
  elements: number;
}

/** The elements that fill `bytes`, or why they are malformed. */
function decodeSeries(bytes: Buffer, depth: number, budget: Budget): DerElement[] | string {
  if (depth === 0) return `nested deeper than ${MAX_DEPTH}`;
  const elements: DerElement[] = [];
  let offset = 0;
  while (offset < bytes.length) {
    budget.elements -= 1;
    if (budget.elements < 0) return `more than ${MAX_ELEMENTS} elements`;
    const element = decodeElement(bytes.subarray(offset), depth, budget);
    if (typeof element === 'string') return element;
    elements.push(element);
    offset += element.bytes.length;
  }
  return elements;
}

function decodeElement(bytes: Buffer, depth: number, budget: Budget): DerElement | string {
  const tag = bytes[0] ?? 0;
  const form = checkTag(tag);
  if (form !== undefined) return form;
  const header = decodeHeader(bytes);
  if (typeof header === 'string') return header;
  const end = header.size + header.length;
  if (end > bytes.length) return 'an element ends after its container';
  const content = bytes.subarray(header.size, end);
  const children = (tag & 0x20) === 0 ? [] : decodeSeries(content, depth - 1, budget);
  if (typeof children === 'string') return children;
  return { tag, bytes: bytes.subarray(0, end), content, children };
}

/** DER: sequences and sets are constructed, every other universal type primitive. */
function checkTag(tag: number): string | undefined {
  if ((tag & 0x1f) === 0x1f) return 'a tag of several bytes';
  if (tag === 0) return 'an end-of-contents mark';
  const isUniversal = (tag & 0xc0) === 0;
  const isConstructed = (tag & 0x20) !== 0;
  const mustBeConstructed = (tag & 0x1f) === 0x10 || (tag & 0x1f) === 0x11;
  return isUniversal && isConstructed !== mustBeConstructed ? 'a universal tag in the wrong form' : undefined;
}

/** Definite lengths in their shortest form, at most three bytes of them. */
function decodeHeader(bytes: Buffer): { readonly size: number; readonly length: number } | string {
  const first = bytes[1];
  if (first === undefined) return 'cut off in a header';
  if (first < 0x80) return { size: 2, length: first };
  const count = first & 0x7f;
  if (count === 0 || count > 3) return 'an indefinite or oversized length';
  if (bytes.length < 2 + count) return 'cut off in a length';
  const length = bytes.readUIntBE(2, count);
  const shortest = length < 0x80 ? 0 : length < 0x100 ? 1 : length < 0x10000 ? 2 : 3;
  return shortest === count ? { size: 2 + count, length } : 'a length that is not in its shortest form';
}

/** The value of a non-negative INTEGER in its shortest form, else undefined. */
export function readUnsignedInteger(element: DerElement | undefined): bigint | undefined {
  if (element?.tag !== TAG.integer) return undefined;
  const [first, second] = element.content;
  if (first === undefined || first >= 0x80) return undefined;
  if (first === 0 && second !== undefined && second < 0x80) return undefined;
  return BigInt(`0x${element.content.toString('hex')}`);
}

/** TRUE or FALSE as DER writes them. */
export function readBoolean(element: DerElement | undefined): boolean | undefined {
  if (element?.tag !== TAG.boolean || element.content.length !== 1) return undefined;
  const value = element.content[0];
  return value === 0xff ? true : value === 0 ? false : undefined;
}

/** The bytes of a BIT STRING whose length is a multiple of eight. */
export function readWholeBitString(element: DerElement | undefined): Buffer | undefined {
  if (element?.tag !== TAG.bitString || element.content[0] !== 0) return undefined;
  return element.content.subarray(1);
}

/** The dotted text of an OBJECT IDENTIFIER; arcs beyond 2^49 are not read. */
export function readObjectIdentifier(element: DerElement | undefined): string | undefined {
  if (element?.tag !== TAG.objectIdentifier || element.content.length === 0) return undefined;
  const arcs: number[] = [];
  let arc = 0;
  let septets = 0;
  for (const byte of element.content) {
    if (septets === 0 && byte === 0x80) return undefined;
    septets += 1;
    if (septets > 7) return undefined;
    arc = arc * 128 + (byte & 0x7f);
    if (byte >= 0x80) continue;
    arcs.push(arc);
    arc = 0;
    septets = 0;
  }
  const [joined, ...rest] = arcs;
  if (septets > 0 || joined === undefined) return undefined;
  const first = Math.min(2, Math.floor(joined / 40));
  return [first, joined - first * 40, ...rest].join('.');
}

/** UTCTime or GeneralizedTime in the forms of RFC 5280 §4.1.2.5, as milliseconds since the epoch. */
export function readTime(element: DerElement | undefined): number | undefined {
  if (element === undefined) return undefined;
  const text = element.content.toString('latin1');
  const digits = element.tag === TAG.utcTime ? `${text < '5' ? '20' : '19'}${text}` : text;
  if (element.tag !== TAG.utcTime && element.tag !== TAG.generalizedTime) return undefined;
  const match = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/.exec(digits);
  if (match === null) return undefined;
  const [, year, month, day, hour, minute, second] = match;
  const iso = `${year}-${month}-${day}T${hour}:${minute}:${second}.000Z`;
  const timeMs = Date.parse(iso);
  return Number.isNaN(timeMs) || new Date(timeMs).toISOString() !== iso ? undefined : timeMs;
}
