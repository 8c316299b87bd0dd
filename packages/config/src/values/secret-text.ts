// Text that may be secret. The rule: whatever it is, no message repeats it.
import { type Decoder, mapOf } from '../decode/decoder.ts';
import { describe, describing } from '../decode/description.ts';
import { type Complaint, refuse } from '../decode/walk.ts';
import { isMap } from './plain-map.ts';

/** Text; a key without a value is empty. */
export const secretText: Decoder<string> = (value, walk) => {
  if (value === null) return '';
  if (typeof value === 'string') return value;
  return refuse(walk, { code: 'wrong-type', message: 'must be text', remedy: 'write the value in quotes' });
};

/** A map of secret values, silent also about what is written in its place. */
export function secretMap<T>(
  item: Decoder<T>,
  key: (name: string) => Complaint | undefined,
): Decoder<Record<string, T>> {
  const entries = mapOf(item, key);
  const decode: Decoder<Record<string, T>> = (value, walk) => {
    if (isMap(value)) return entries(value, walk);
    const remedy = 'write one "key: value" per line';
    return refuse(walk, { code: 'wrong-type', message: 'must be a map', remedy });
  };
  return describing(decode, describe(entries));
}
