// The functions of the old expression language, and their types. Rule: each gives a value or a failure for any values of its types; none looks at anything else.
import type { AttributeValue, ValueType } from '../../attributes/value.ts';
import { Timestamp } from '../../attributes/value.ts';
import { Failure } from '../failure.ts';
import { compilePattern } from '../regular-expression.ts';
import { toLower } from '../text.ts';
import { readDomainName } from '../values/domain-name.ts';
import { parseIpAddress } from '../values/ip-address.ts';
import { readMailAddress } from '../values/mail-address.ts';
import { parseRfc3339 } from '../values/rfc3339.ts';
import { readUri } from '../values/uri.ts';

/** `same`: any type, and the same wherever it says so. */
export type OperandType = ValueType | 'same';

export interface FunctionType {
  readonly name: string;
  /** Called as `TARGET.name(…)`; absent for `name(…)`. */
  readonly target?: ValueType;
  readonly operands: readonly OperandType[];
  readonly result: OperandType;
}

/** A function of values, beside the operators. With a target, that is the first value. */
export interface ValueFunction extends FunctionType {
  call(values: readonly AttributeValue[]): AttributeValue | Failure;
}

const twoOfOne = ['same', 'same'] as const;

const operator = (name: string, operands: readonly OperandType[], result: OperandType): FunctionType => ({
  name,
  operands,
  result,
});

/** Operators, and the functions that do not evaluate all of their operands. */
export const operatorTypes: ReadonlyMap<string, FunctionType> = new Map(
  [
    ...['EQ', 'NEQ', 'LT', 'LEQ', 'GT', 'GEQ'].map((name) => operator(name, twoOfOne, 'BOOL')),
    operator('OR', twoOfOne, 'same'),
    operator('ADD', twoOfOne, 'same'),
    operator('LOR', ['BOOL', 'BOOL'], 'BOOL'),
    operator('LAND', ['BOOL', 'BOOL'], 'BOOL'),
    operator('INDEX', ['STRING_MAP', 'STRING'], 'STRING'),
    operator('conditional', ['BOOL', 'same', 'same'], 'same'),
    operator('size', ['STRING'], 'INT64'),
  ].map((type) => [type.name, type]),
);

type TextFunction = (first: string, second: string) => AttributeValue | Failure;

const ofText = (
  name: string,
  result: ValueType,
  call: TextFunction,
  { operands = 1, isMethod = false }: { readonly operands?: number; readonly isMethod?: boolean } = {},
): ValueFunction => ({
  name,
  ...(isMethod ? { target: 'STRING' as const } : {}),
  operands: new Array<OperandType>(operands).fill('STRING'),
  result,
  call: ([first, second]) => call(String(first), String(second)),
});

/** `*` at the end: the beginning counts; at the beginning: the end; else all of it. */
export function matchWildcard(text: string, pattern: string): boolean {
  if (pattern.endsWith('*')) return text.startsWith(pattern.slice(0, -1));
  return pattern.startsWith('*') ? text.endsWith(pattern.slice(1)) : text === pattern;
}

/** `PATTERN.matches(TEXT)`: somewhere in the text. */
function matches(pattern: string, text: string): boolean | Failure {
  const compiled = compilePattern(pattern);
  return compiled instanceof Failure ? compiled : compiled.test(text);
}

function timestamp(text: string): Timestamp | Failure {
  const nanoseconds = parseRfc3339(text);
  if (nanoseconds !== undefined) return new Timestamp(nanoseconds);
  return new Failure(
    `could not convert '${text}' to TIMESTAMP. expected format: '2006-01-02T15:04:05Z07:00'`,
  );
}

export function toDomainName(text: string): string | Failure {
  const read = readDomainName(text);
  return read.ok ? read.name : new Failure(`error converting '${text}' to dns name: '${read.problem}'`);
}

export function toMailAddress(text: string): string | Failure {
  const read = readMailAddress(text);
  if (!read.ok) return new Failure(`error converting '${text}' to e-mail: '${read.problem}'`);
  if (read.address.displayName !== '') {
    return new Failure(`error converting '${text}' to e-mail: display names are not allowed`);
  }
  const domain = toDomainName(read.address.domain);
  if (domain instanceof Failure) {
    return new Failure(`error converting '${text}' to e-mail: '${domain.problem}'`);
  }
  return text;
}

export function toUri(text: string): string | Failure {
  if (text === '') return new Failure('error converting string to uri: empty string');
  const read = readUri(text);
  return read.ok ? text : new Failure(`error converting string to uri '${text}': '${read.problem}'`);
}

export const toIpAddress = (text: string): Uint8Array | Failure =>
  parseIpAddress(text) ?? new Failure(`could not convert ${text} to IP_ADDRESS`);

const emptyMap: ReadonlyMap<string, string> = new Map();

/** All that are not operators. */
export const valueFunctions: ReadonlyMap<string, ValueFunction> = new Map(
  [
    ofText('ip', 'IP_ADDRESS', toIpAddress),
    ofText('timestamp', 'TIMESTAMP', timestamp),
    ofText('dnsName', 'DNS_NAME', toDomainName),
    ofText('email', 'EMAIL_ADDRESS', toMailAddress),
    ofText('uri', 'URI', toUri),
    ofText('toLower', 'STRING', toLower),
    ofText('match', 'BOOL', matchWildcard, { operands: 2 }),
    ofText('matches', 'BOOL', matches, { isMethod: true }),
    ofText('startsWith', 'BOOL', (text, start) => text.startsWith(start), { isMethod: true }),
    ofText('endsWith', 'BOOL', (text, end) => text.endsWith(end), { isMethod: true }),
    ofText('reverse', 'STRING', (text) => [...text].reverse().join(''), { operands: 0, isMethod: true }),
    { name: 'emptyStringMap', operands: [], result: 'STRING_MAP' as const, call: () => emptyMap },
    {
      name: 'conditionalString',
      operands: ['BOOL', 'STRING', 'STRING'] as const,
      result: 'STRING' as const,
      call: ([condition, yes = '', no = '']: readonly AttributeValue[]) => (condition === true ? yes : no),
    },
  ].map((one) => [one.name, one]),
);
