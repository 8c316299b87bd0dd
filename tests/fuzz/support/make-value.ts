// A value for a decoder, by its description: mostly what it takes, sometimes what it must refuse.
import type { Decoder } from '../../../packages/config/src/decode/decoder.ts';
import { type Description, describe } from '../../../packages/config/src/decode/description.ts';
import type { Pool } from './corpus.ts';
import { type Dice, isRare, oddNumbers, oddTexts, oddValue, pick } from './odd-values.ts';

export interface Making {
  readonly dice: Dice;
  readonly pool: Pool;
  /** One value in so many is odd. */
  readonly oddOneIn: number;
}

const maxDepth = 7;

/** A value of a field: one that the field has in an example, or one made up. */
export function makeValue(decode: Decoder<unknown>, field: string, making: Making, depth = 0): unknown {
  const { dice, pool, oddOneIn } = making;
  if (isRare(dice, oddOneIn)) return oddValue(dice);
  const seen = pool.get(field) ?? [];
  if (seen.length > 0 && dice(5) < 2) return structuredClone(pick(dice, seen));
  const description = describe(decode);
  if (description === undefined)
    return seen.length > 0 ? structuredClone(pick(dice, seen)) : pick(dice, oddTexts);
  return fromDescription(description, { field, making, depth });
}

interface Place {
  readonly field: string;
  readonly making: Making;
  readonly depth: number;
}

function fromDescription(description: Description, place: Place): unknown {
  const { dice, pool } = place.making;
  switch (description.kind) {
    case 'text':
      return pick(dice, isRare(dice, 6) ? oddTexts : (pool.get(place.field) ?? oddTexts));
    case 'boolean':
      return dice(2) === 1;
    case 'word':
      return pick(dice, description.words);
    case 'number':
      return makeNumber(description, dice);
    case 'list':
      return makeList(description, place);
    case 'map':
      return makeMap(description.item, place);
    case 'object':
      return makeObject(description, place);
  }
}

function makeNumber({ least, most, isWhole }: Description & { kind: 'number' }, dice: Dice): number {
  const near = [least, most, least + 1, most - 1, Math.min(most, least + 10), (least + most) / 2];
  const taken = oddNumbers.filter((number) => number >= least && number <= most);
  const number = pick(dice, [...near, ...taken]) ?? least;
  return isWhole ? Math.round(number) : number;
}

function makeList({ item, least }: Description & { kind: 'list' }, { field, making, depth }: Place): unknown {
  const count = Math.max(least, depth > maxDepth ? 0 : making.dice(4));
  return Array.from({ length: count }, () => makeValue(item, `${field}[]`, making, depth + 1));
}

const keys = ['app', 'version', 'x-user', 'a', 'security.istio.io/tlsMode'] as const;
const strangeKeys = ['__proto__', 'constructor', 'prototype', 'x-é', ''] as const;

/** Own keys only, also `__proto__`. */
const setOwn = (target: object, key: string, value: unknown): void => {
  Object.defineProperty(target, key, { value, enumerable: true, configurable: true, writable: true });
};

function makeMap(item: Decoder<unknown>, { field, making, depth }: Place): unknown {
  const { dice } = making;
  const map = {};
  for (let count = depth > maxDepth ? 0 : dice(3); count > 0; count--) {
    const key = isRare(dice, 8) ? String(pick(dice, [...strangeKeys, ...oddTexts])) : pick(dice, keys);
    setOwn(map, key, makeValue(item, `${field}{}`, making, depth + 1));
  }
  return map;
}

function makeObject(
  { fields, reserved }: Description & { kind: 'object' },
  { making, depth }: Place,
): unknown {
  const { dice } = making;
  const value = {};
  const share = depth > maxDepth ? Number.POSITIVE_INFINITY : Math.max(2, Math.ceil(fields.length / 2.5));
  for (const { name, decode, isRequired } of fields) {
    const isThere = isRequired
      ? !isRare(dice, 60)
      : share !== Number.POSITIVE_INFINITY && isRare(dice, share);
    if (isThere) setOwn(value, name, makeValue(decode, name, making, depth + 1));
  }
  if (isRare(dice, 40))
    setOwn(value, pick(dice, [...reserved, '__proto__', 'unknown']) ?? 'unknown', oddValue(dice));
  return value;
}
