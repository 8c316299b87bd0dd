// Decoders: functions from plain data to typed values. They report every problem with its place and remedy, and return undefined when there was one.
import { isMap, plainMap } from '../values/plain-map.ts';
import { describing, describe as descriptionOf } from './description.ts';
import { quote } from './quote.ts';
import { suggestion } from './suggest.ts';
import { type Complaint, refuse, type Walk } from './walk.ts';

export { quote };

/** Undefined means: refused, and the walk says why. Only entries of `mapOf` may be null (`key:` without a value). */
export type Decoder<T> = (value: unknown, walk: Walk) => T | undefined;

/** What a value is, in words. */
function describe(value: unknown): string {
  if (Array.isArray(value)) return 'a list';
  if (isMap(value)) return 'a map';
  if (typeof value === 'string') return `the text ${quote(value)}`;
  if (typeof value === 'number' || typeof value === 'bigint') return `the number ${value}`;
  if (typeof value === 'boolean') return `the boolean ${value}`;
  return value === null || value === undefined ? 'nothing' : 'something else';
}

export const wrongType = (wanted: string, value: unknown, remedy = `write ${wanted}`): Complaint => ({
  code: 'wrong-type',
  message: `must be ${wanted}, is ${describe(value)}`,
  remedy,
});

/** Any text. Numbers and booleans are refused with the quotes to add. */
export const text: Decoder<string> = describing(
  (value: unknown, walk: Walk) => {
    if (typeof value === 'string') return value;
    const isScalar = typeof value === 'number' || typeof value === 'boolean';
    return refuse(walk, wrongType('text', value, isScalar ? `write "${value}" in quotes` : undefined));
  },
  { kind: 'text' },
);

export const boolean: Decoder<boolean> = describing(
  (value: unknown, walk: Walk) => {
    if (typeof value === 'boolean') return value;
    return refuse(walk, wrongType('true or false', value, 'write true or false, without quotes'));
  },
  { kind: 'boolean' },
);

/** A whole number from `least` to `most`. Text is refused, as Kubernetes does. */
export function integer(least: number, most: number): Decoder<number> {
  const decode: Decoder<number> = (value, walk) => {
    if (typeof value !== 'number') {
      const digits = typeof value === 'string' && /^-?\d{1,15}$/.test(value);
      return refuse(
        walk,
        wrongType('a whole number', value, digits ? `write ${value} without quotes` : undefined),
      );
    }
    if (Number.isInteger(value) && value >= least && value <= most) return value;
    return refuse(walk, {
      code: 'out-of-range',
      message: `must be a whole number from ${least} to ${most}, is ${value}`,
      remedy: `write a whole number from ${least} to ${most}`,
    });
  };
  return describing(decode, { kind: 'number', least, most, isWhole: true });
}

/** Unsigned and signed 32-bit numbers of the protobuf and Kubernetes APIs. */
export const uint32 = integer(0, 0xffff_ffff);
export const count = integer(0, 0x7fff_ffff);

/** One of a closed set of words. */
export function oneOf<const T extends string>(...words: readonly T[]): Decoder<T> {
  const byWord = new Map<string, T>(words.map((word) => [word, word]));
  const decode: Decoder<T> = (value, walk) => {
    const word = typeof value === 'string' ? byWord.get(value) : undefined;
    if (word !== undefined) return word;
    if (typeof value !== 'string') return refuse(walk, wrongType(`one of ${words.join(', ')}`, value));
    return refuse(walk, {
      code: 'unknown-value',
      message: `${quote(value)} is not one of the values it can have`,
      remedy: suggestion(value, words),
    });
  };
  return describing(decode, { kind: 'word', words });
}

/** A list; reports the problems of every item. */
export function list<T>(item: Decoder<T>, limits: { least?: number; most?: number } = {}): Decoder<T[]> {
  const { least = 0, most = 100_000 } = limits;
  const decode: Decoder<T[]> = (value, walk) => {
    if (!Array.isArray(value)) return refuse(walk, wrongType('a list', value, 'start each item with "- "'));
    if (value.length < least) {
      return refuse(walk, {
        code: 'missing-field',
        message: `needs at least ${least} item`,
        remedy: 'add one',
      });
    }
    if (value.length > most) {
      return refuse(walk, tooMany('items', value.length, most));
    }
    return listItems(value, item, walk);
  };
  return describing(decode, { kind: 'list', item, least, most });
}

const tooMany = (what: string, count: number, most: number): Complaint => ({
  code: 'too-many',
  message: `has ${count} ${what}, the most is ${most}`,
  remedy: 'remove some, or spread them over several objects',
});

function listItems<T>(value: readonly unknown[], item: Decoder<T>, walk: Walk): T[] | undefined {
  const items: T[] = [];
  for (let index = 0; index < value.length; index++) {
    walk.path.push(index);
    const decoded = isAbsent(value[index]) ? missingItem(walk) : item(value[index], walk);
    walk.path.pop();
    if (decoded !== undefined) items.push(decoded);
  }
  return items.length === value.length ? items : undefined;
}

const missingItem = (walk: Walk): undefined =>
  refuse(walk, {
    code: 'missing-field',
    message: 'the item is empty',
    remedy: 'fill it in or remove the dash',
  });

const isAbsent = (value: unknown): value is null | undefined => value === null || value === undefined;

/** A map of any keys; `key` returns a complaint about a key that is not allowed. */
export function mapOf<T>(
  item: Decoder<T>,
  key: (name: string) => Complaint | undefined = () => undefined,
  most = 10_000,
): Decoder<Record<string, T>> {
  const decode: Decoder<Record<string, T>> = (value, walk) => {
    if (!isMap(value)) return refuse(walk, wrongType('a map', value, 'write one "key: value" per line'));
    const keys = Object.keys(value);
    if (keys.length > most) {
      return refuse(walk, tooMany('entries', keys.length, most));
    }
    const map = plainMap<T>();
    let isGood = true;
    for (const name of keys) {
      const decoded = mapEntry({ name, value: value[name], item, complaint: key(name) }, walk);
      if (decoded === undefined) isGood = false;
      else map[name] = decoded;
    }
    return isGood ? map : undefined;
  };
  return describing(decode, { kind: 'map', item, most });
}

interface Entry<T> {
  readonly name: string;
  readonly value: unknown;
  readonly item: Decoder<T>;
  readonly complaint: Complaint | undefined;
}

function mapEntry<T>(entry: Entry<T>, walk: Walk): T | undefined {
  if (entry.complaint !== undefined) return refuse(walk, entry.complaint, entry.name);
  walk.path.push(entry.name);
  const decoded = entry.item(entry.value, walk);
  walk.path.pop();
  return decoded;
}

/** Decodes, then checks or reshapes what was decoded. */
export function andThen<A, B>(
  first: Decoder<A>,
  second: (value: A, walk: Walk) => B | undefined,
): Decoder<B> {
  const decode: Decoder<B> = (value, walk) => {
    const decoded = first(value, walk);
    return decoded === undefined ? undefined : second(decoded, walk);
  };
  return describing(decode, descriptionOf(first));
}
