// `==`, `<` and their like: what they mean for each type, and for which they mean nothing. Rule: both sides have the type that the checker found.
import type { AttributeValue, ValueType } from '../../attributes/value.ts';
import { Timestamp } from '../../attributes/value.ts';
import { Failure } from '../failure.ts';
import { compareText } from '../text.ts';
import { type Comparison, compareDomainNames } from '../values/domain-name.ts';
import { compareMailAddresses, compareUris } from '../values/equality.ts';
import { equalIpAddresses } from '../values/ip-address.ts';

export type Compare = (left: AttributeValue, right: AttributeValue) => boolean | Failure;

const ofTexts =
  (compare: (a: string, b: string) => Comparison): Compare =>
  (left, right) => {
    const compared = compare(String(left), String(right));
    return compared.ok ? compared.isEqual : new Failure(compared.problem);
  };

const identical: Compare = (left, right) => left === right;

const equalities: Readonly<Partial<Record<ValueType, Compare>>> = {
  STRING: identical,
  INT64: identical,
  DOUBLE: identical,
  BOOL: identical,
  DNS_NAME: ofTexts(compareDomainNames),
  EMAIL_ADDRESS: ofTexts(compareMailAddresses),
  URI: ofTexts(compareUris),
  TIMESTAMP: (left, right) =>
    left instanceof Timestamp && right instanceof Timestamp && left.nanoseconds === right.nanoseconds,
  IP_ADDRESS: (left, right) =>
    left instanceof Uint8Array && right instanceof Uint8Array && equalIpAddresses(left, right),
};

/** Types with an order; mail addresses, URIs and domain names are ordered as text. */
const ordered: ReadonlySet<ValueType> = new Set([
  'STRING',
  'DNS_NAME',
  'EMAIL_ADDRESS',
  'URI',
  'INT64',
  'DOUBLE',
  'TIMESTAMP',
]);

/** Negative, zero, positive; NaN where there is no order. */
function order(left: AttributeValue, right: AttributeValue): number {
  if (typeof left === 'bigint' && typeof right === 'bigint') return left < right ? -1 : left > right ? 1 : 0;
  if (typeof left === 'string' && typeof right === 'string') return compareText(left, right);
  if (typeof left === 'number' && typeof right === 'number') {
    return left < right ? -1 : left > right ? 1 : left === right ? 0 : Number.NaN;
  }
  if (left instanceof Timestamp && right instanceof Timestamp)
    return order(left.nanoseconds, right.nanoseconds);
  return Number.NaN;
}

interface Operator {
  /** In Mixer's sentence about types it does not have it for. */
  readonly words: string;
  compare(type: ValueType): Compare | undefined;
}

const ordering = (words: string, holds: (order: number) => boolean): Operator => ({
  words,
  compare: (type) => (ordered.has(type) ? (left, right) => holds(order(left, right)) : undefined),
});

const negate =
  (compare: Compare): Compare =>
  (left, right) => {
    const equal = compare(left, right);
    return equal instanceof Failure ? equal : !equal;
  };

const equality = (isNegated: boolean): Operator => ({
  words: 'equality',
  compare: (type) => {
    const compare = equalities[type];
    return compare === undefined || !isNegated ? compare : negate(compare);
  },
});

export const comparisons: ReadonlyMap<string, Operator> = new Map([
  ['EQ', equality(false)],
  ['NEQ', equality(true)],
  ['LT', ordering('less than', (found) => found < 0)],
  ['LEQ', ordering('less or equal', (found) => found <= 0)],
  ['GT', ordering('greater than', (found) => found > 0)],
  ['GEQ', ordering('greater or equal', (found) => found >= 0)],
]);

/** Mixer's words for the few types it evaluates in. */
const machineTypes: Readonly<Partial<Record<ValueType, string>>> = {
  INT64: 'integer',
  DOUBLE: 'double',
  BOOL: 'bool',
  DURATION: 'duration',
  TIMESTAMP: 'interface',
  IP_ADDRESS: 'interface',
  STRING_MAP: 'interface',
};

export const notImplemented = (what: string, type: ValueType): string =>
  `internal compiler error -- ${what} for type not yet implemented: ${machineTypes[type] ?? 'string'}`;
