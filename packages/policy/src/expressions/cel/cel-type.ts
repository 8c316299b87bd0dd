// What is known of a CEL expression's value before it is evaluated. Rule: mail addresses, URIs, domain names and IP addresses are types of their own: nothing but equality is known of them.
import type { ValueType } from '../../attributes/value.ts';

export type ScalarType =
  | 'bool'
  | 'bytes'
  | 'double'
  | 'dyn'
  | 'duration'
  | 'int'
  | 'null'
  | 'string'
  | 'timestamp'
  | 'type'
  | 'uint'
  | 'dnsName'
  | 'email'
  | 'ip'
  | 'uri';

export type CelStatic =
  | ScalarType
  | { readonly kind: 'list'; readonly element: CelStatic }
  | { readonly kind: 'map'; readonly key: CelStatic; readonly value: CelStatic };

export const stringMap: CelStatic = { kind: 'map', key: 'string', value: 'string' };

const ofValues: Readonly<Record<ValueType, CelStatic>> = {
  STRING: 'string',
  INT64: 'int',
  DOUBLE: 'double',
  BOOL: 'bool',
  TIMESTAMP: 'timestamp',
  DURATION: 'duration',
  IP_ADDRESS: 'ip',
  EMAIL_ADDRESS: 'email',
  URI: 'uri',
  DNS_NAME: 'dnsName',
  STRING_MAP: stringMap,
};

export const staticOf = (type: ValueType): CelStatic => ofValues[type];

/** The type of an attribute that could hold it; `undefined` where none could. */
export function valueTypeOf(type: CelStatic): ValueType | undefined {
  if (typeof type === 'string') {
    for (const [name, known] of Object.entries(ofValues)) if (known === type) return toValueType(name);
    return undefined;
  }
  return type.kind === 'map' && fits(type.key, 'string') && fits(type.value, 'string')
    ? 'STRING_MAP'
    : undefined;
}

const toValueType = (name: string): ValueType | undefined =>
  Object.keys(ofValues).find((known): known is ValueType => known === name);

/** As messages show it: `map(string, string)`. */
export function showType(type: CelStatic): string {
  if (typeof type === 'string') return type;
  if (type.kind === 'list') return `list(${showType(type.element)})`;
  return `map(${showType(type.key)}, ${showType(type.value)})`;
}

/** Whether a value of one type may stand where another is wanted. Of `dyn` nothing is known, so it may. */
export function fits(found: CelStatic, wanted: CelStatic): boolean {
  if (found === 'dyn' || wanted === 'dyn' || found === wanted) return true;
  if (typeof found === 'string' || typeof wanted === 'string') return false;
  if (found.kind === 'list') return wanted.kind === 'list' && fits(found.element, wanted.element);
  return wanted.kind === 'map' && fits(found.key, wanted.key) && fits(found.value, wanted.value);
}

/** The one type that covers both; `dyn` where there is no other. */
export function join(a: CelStatic, b: CelStatic): CelStatic {
  if (typeof a === 'object' && typeof b === 'object') {
    if (a.kind === 'list' && b.kind === 'list')
      return { kind: 'list', element: joinKnown(a.element, b.element) };
    if (a.kind === 'map' && b.kind === 'map') {
      return { kind: 'map', key: joinKnown(a.key, b.key), value: joinKnown(a.value, b.value) };
    }
    return 'dyn';
  }
  return a === b ? a : 'dyn';
}

/** Of an empty list or map nothing is known yet. */
const joinKnown = (a: CelStatic, b: CelStatic): CelStatic => (a === 'dyn' ? b : b === 'dyn' ? a : join(a, b));
