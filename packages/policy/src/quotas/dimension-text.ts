// Values of dimensions as text: equal values give equal text, whatever their type.
import { hashText } from '@xebec/std';
import { type AttributeValue, Duration, Timestamp } from '../attributes/value.ts';
import type { InstanceValue } from '../templates/template.ts';

/** Longer values are cut, with a hash of the whole: nobody can fill memory with names of counters, and two that begin alike are two. */
const longest = 256;

export function dimensionsOf(value: InstanceValue | undefined): ReadonlyMap<string, string> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return new Map();
  const entries = value instanceof Map ? [...value] : Object.entries(value);
  return new Map(
    entries.flatMap(([name, part]): [string, string][] =>
      part === undefined ? [] : [[name, dimensionText(part)]],
    ),
  );
}

export function dimensionText(value: InstanceValue): string {
  const written = write(value);
  return written.length <= longest ? written : `${written.slice(0, longest)}…(${hashText(written)})`;
}

function write(value: InstanceValue): string {
  if (typeof value === 'string') return value;
  if (isScalar(value)) return String(value);
  if (value instanceof Duration || value instanceof Timestamp) return String(value.nanoseconds);
  if (value instanceof Uint8Array) return address(value);
  if (value instanceof Map) return JSON.stringify([...value].sort());
  if (Array.isArray(value)) return JSON.stringify(value.map(write));
  const parts = Object.entries(value).flatMap(([name, part]) =>
    part === undefined ? [] : [[name, write(part)]],
  );
  return JSON.stringify(parts.sort());
}

const isScalar = (value: InstanceValue | AttributeValue): value is bigint | number | boolean =>
  typeof value === 'bigint' || typeof value === 'number' || typeof value === 'boolean';

/** IPv4, also inside IPv6, with dots; IPv6 in full groups. */
function address(bytes: Uint8Array): string {
  const isMapped =
    bytes.length === 16 && bytes.subarray(0, 10).every((one) => one === 0) && bytes[10] === 255;
  const plain = isMapped ? bytes.subarray(12) : bytes;
  if (plain.length === 4) return [...plain].join('.');
  const groups: string[] = [];
  for (let at = 0; at < plain.length; at += 2)
    groups.push((((plain[at] ?? 0) << 8) | (plain[at + 1] ?? 0)).toString(16));
  return groups.join(':');
}
