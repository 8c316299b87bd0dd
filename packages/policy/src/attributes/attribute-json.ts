// Attributes as JSON: what `xebec policy eval` and the HTTP API read and write. Rule: what says its type is taken at its word; what does not gets the type that the vocabulary gives, and stays as it is where it cannot have it: the expression then says so.
import { type Diagnostic, fail, type Result, succeed } from '@xebec/std';
import { formatGoDuration, parseGoDuration } from '../expressions/values/go-duration.ts';
import { formatIpAddress, hexOf, parseIpAddress } from '../expressions/values/ip-address.ts';
import { formatRfc3339, parseRfc3339 } from '../expressions/values/rfc3339.ts';
import { type AttributeBag, type AttributeValue, Duration, Timestamp, type ValueType } from './value.ts';
import type { Vocabulary } from './vocabulary.ts';

/** `"text"`, `true`, or `{type, value}`. */
export type AttributeJson =
  | string
  | boolean
  | { readonly type: ValueType; readonly value: unknown; readonly bytes?: string };

export const valueTypes: readonly ValueType[] = [
  'STRING',
  'INT64',
  'DOUBLE',
  'BOOL',
  'TIMESTAMP',
  'DURATION',
  'IP_ADDRESS',
  'EMAIL_ADDRESS',
  'URI',
  'DNS_NAME',
  'STRING_MAP',
];

export const isValueType = (text: unknown): text is ValueType => valueTypes.some((type) => type === text);

/** A bag from an object of names. Names of objects' own prototypes are names like any other. */
export function readAttributes(json: unknown, vocabulary: Vocabulary): Result<AttributeBag> {
  if (!isObject(json)) return fail(wrong('', 'attributes are one object: names, and their values'));
  const bag = new Map<string, AttributeValue>();
  const diagnostics: Diagnostic[] = [];
  for (const [name, given] of Object.entries(json)) {
    const value = readValue(given, vocabulary.get(name)?.type);
    if (value === undefined)
      diagnostics.push(wrong(name, `${JSON.stringify(given)} is no value of an attribute`));
    else bag.set(name, value);
  }
  return diagnostics.length > 0 ? fail(...diagnostics) : succeed(bag);
}

const wrong = (field: string, message: string): Diagnostic => ({
  severity: 'error',
  code: 'attribute-value',
  message,
  remedy: 'write "text", true, or {"type": "INT64", "value": "5"}',
  ...(field === '' ? {} : { field }),
});

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function readValue(given: unknown, declared: ValueType | undefined): AttributeValue | undefined {
  if (isObject(given) && isValueType(given['type']) && 'value' in given && declared !== 'STRING_MAP') {
    return readTyped(given);
  }
  if (isObject(given) && given['type'] === 'STRING_MAP' && isObject(given['value'])) return readTyped(given);
  const converted = declared === undefined ? undefined : convert(given, declared);
  return converted ?? asItIs(given);
}

function readTyped(given: Readonly<Record<string, unknown>>): AttributeValue | undefined {
  const { type, value, bytes } = given;
  if (!isValueType(type)) return undefined;
  if (type === 'IP_ADDRESS' && typeof bytes === 'string' && /^(?:[0-9a-fA-F]{2})*$/.test(bytes)) {
    return Uint8Array.from(bytes.match(/../g) ?? [], (byte) => Number.parseInt(byte, 16));
  }
  return convert(value, type);
}

function asItIs(given: unknown): AttributeValue | undefined {
  if (typeof given === 'string' || typeof given === 'boolean') return given;
  if (typeof given === 'number') return Number.isSafeInteger(given) ? BigInt(given) : given;
  return readMap(given);
}

function readMap(given: unknown): AttributeValue | undefined {
  if (!isObject(given)) return undefined;
  const entries = new Map<string, string>();
  for (const [key, value] of Object.entries(given)) {
    if (typeof value !== 'string') return undefined;
    entries.set(key, value);
  }
  return entries;
}

/** A value of a type from its JSON; `undefined` where it is none. */
export function convert(given: unknown, type: ValueType): AttributeValue | undefined {
  switch (type) {
    case 'STRING':
    case 'EMAIL_ADDRESS':
    case 'URI':
    case 'DNS_NAME':
      return typeof given === 'string' ? given : undefined;
    case 'BOOL':
      return typeof given === 'boolean' ? given : undefined;
    case 'INT64':
      return readInteger(given);
    case 'DOUBLE':
      return readDouble(given);
    case 'STRING_MAP':
      return readMap(given);
    case 'TIMESTAMP':
    case 'DURATION':
    case 'IP_ADDRESS':
      return typeof given === 'string' ? readText(given, type) : undefined;
  }
}

function readText(text: string, type: 'TIMESTAMP' | 'DURATION' | 'IP_ADDRESS'): AttributeValue | undefined {
  if (type === 'IP_ADDRESS') return parseIpAddress(text);
  const nanoseconds = type === 'TIMESTAMP' ? parseRfc3339(text) : parseGoDuration(text);
  if (nanoseconds === undefined) return undefined;
  return type === 'TIMESTAMP' ? new Timestamp(nanoseconds) : new Duration(nanoseconds);
}

function readInteger(given: unknown): bigint | undefined {
  if (typeof given === 'number') return Number.isSafeInteger(given) ? BigInt(given) : undefined;
  if (typeof given !== 'string' || !/^[+-]?\d{1,20}$/.test(given)) return undefined;
  const value = BigInt(given.replace(/^\+/, ''));
  return BigInt.asIntN(64, value) === value ? value : undefined;
}

function readDouble(given: unknown): number | undefined {
  if (typeof given === 'number') return given;
  if (typeof given !== 'string') return undefined;
  const special = { NaN: Number.NaN, '+Inf': Infinity, Inf: Infinity, '-Inf': -Infinity }[given];
  if (special !== undefined) return special;
  return /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/.test(given) ? Number(given) : undefined;
}

/** The value as JSON, with the bytes of an IP address. Numbers are decimal text, so that none loses digits. */
export function formatValue(value: AttributeValue): { readonly value: unknown; readonly bytes?: string } {
  if (typeof value === 'string' || typeof value === 'boolean') return { value };
  if (typeof value === 'bigint') return { value: String(value) };
  if (typeof value === 'number') return { value: formatDouble(value) };
  if (value instanceof Timestamp) return { value: formatRfc3339(value.nanoseconds) };
  if (value instanceof Duration) return { value: formatGoDuration(value.nanoseconds) };
  if (value instanceof Uint8Array) return { value: formatIpAddress(value), bytes: hexOf(value) };
  return { value: Object.fromEntries(value) };
}

const formatDouble = (value: number): string =>
  value === Infinity ? '+Inf' : value === -Infinity ? '-Inf' : String(value);
