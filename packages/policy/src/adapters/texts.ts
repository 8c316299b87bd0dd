// Values of instances as text and as numbers, for backends that know nothing else.
import { formatValue } from '../attributes/attribute-json.ts';
import { type AttributeValue, Duration, Timestamp } from '../attributes/value.ts';
import type { InstanceValue } from '../templates/template.ts';

const isAttributeValue = (value: InstanceValue): value is AttributeValue =>
  typeof value !== 'object' ||
  value instanceof Timestamp ||
  value instanceof Duration ||
  value instanceof Uint8Array ||
  value instanceof Map;

/** Plain JSON: numbers that JSON can hold as numbers, all else as text, lists and maps. */
export function jsonOf(value: InstanceValue | undefined): unknown {
  if (value === undefined) return undefined;
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : String(value);
  if (typeof value === 'number') return Number.isFinite(value) ? value : String(value);
  if (isAttributeValue(value)) return formatValue(value).value;
  if (Array.isArray(value)) return value.map(jsonOf);
  return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, jsonOf(part)]));
}

/** One text, whatever it is. */
export function textOf(value: InstanceValue | undefined): string {
  const json = jsonOf(value);
  if (json === undefined) return '';
  return typeof json === 'object' ? JSON.stringify(json) : String(json);
}

/** Durations in seconds; undefined where there is no number. */
export function numberOf(value: InstanceValue | undefined): number | undefined {
  if (typeof value === 'bigint' || typeof value === 'number') return Number(value);
  if (typeof value === 'boolean') return value ? 1 : 0;
  if (value instanceof Duration) return Number(value.nanoseconds) / 1e9;
  return undefined;
}

type Fields = Readonly<Record<string, InstanceValue | undefined>>;

/** The fields of a map or message field. */
export const fieldsOf = (value: InstanceValue | undefined): Fields => {
  if (value instanceof Map) return Object.fromEntries(value);
  const isFields = typeof value === 'object' && !Array.isArray(value) && !isAttributeValue(value);
  return isFields ? (value as Fields) : {};
};
