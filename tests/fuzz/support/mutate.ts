// An example with a few changes, each where its kind's description says what may stand.
import type { Decoder } from '../../../packages/config/src/decode/decoder.ts';
import { describe } from '../../../packages/config/src/decode/description.ts';
import { type Making, makeValue } from './make-value.ts';
import { oddValue, pick } from './odd-values.ts';

/** A place in a value that may change: an entry of a map or a list, with what decodes it. */
interface Spot {
  readonly holder: Record<string, unknown> | unknown[];
  readonly key: string | number;
  readonly field: string;
  readonly decode: Decoder<unknown> | undefined;
}

const isMap = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function spotsOf(value: unknown, decode: Decoder<unknown> | undefined, field: string, spots: Spot[]): void {
  const description = decode === undefined ? undefined : describe(decode);
  if (Array.isArray(value)) {
    const item = description?.kind === 'list' ? description.item : undefined;
    for (const [key, inner] of value.entries()) {
      spots.push({ holder: value, key, field: `${field}[]`, decode: item });
      spotsOf(inner, item, `${field}[]`, spots);
    }
  } else if (isMap(value)) {
    for (const [key, inner] of Object.entries(value)) {
      const own =
        description?.kind === 'object'
          ? description.fields.find(({ name }) => name === key)?.decode
          : description?.kind === 'map'
            ? description.item
            : undefined;
      const name = description?.kind === 'map' ? `${field}{}` : key;
      spots.push({ holder: value, key, field: name, decode: own });
      spotsOf(inner, own, name, spots);
    }
  }
}

/** Changes a copy of `example` at `count` places. */
export function mutate(example: unknown, decode: Decoder<unknown>, making: Making, count: number): unknown {
  const root = { value: structuredClone(example) };
  for (let left = count; left > 0; left--) {
    const spots: Spot[] = [];
    spotsOf(root.value, decode, '', spots);
    const spot = pick(making.dice, spots);
    if (spot !== undefined) change(spot, making);
  }
  return root.value;
}

function change(spot: Spot, making: Making): void {
  const { dice } = making;
  const how = dice(10);
  if (how < 3) put(spot, fresh(spot, making));
  else if (how < 6) addField(spot, making);
  else if (how < 7) remove(spot);
  else if (how < 8) put(spot, oddValue(dice));
  else repeat(spot, making);
}

const fresh = ({ decode, field }: Spot, making: Making): unknown =>
  decode === undefined ? oddValue(making.dice) : makeValue(decode, field, making, 2);

function put({ holder, key }: Spot, value: unknown): void {
  Object.defineProperty(holder, key, { value, enumerable: true, configurable: true, writable: true });
}

function remove({ holder, key }: Spot): void {
  if (Array.isArray(holder)) holder.splice(Number(key), 1);
  else delete holder[key];
}

/** One more field of the map that stands here. */
function addField(spot: Spot, making: Making): void {
  const value = Reflect.get(spot.holder, spot.key);
  const description = spot.decode === undefined ? undefined : describe(spot.decode);
  if (description?.kind === 'object' && isMap(value)) {
    const missing = description.fields.filter(({ name }) => !Object.hasOwn(value, name));
    const added = pick(making.dice, missing);
    if (added !== undefined) value[added.name] = makeValue(added.decode, added.name, making, 2);
  } else put(spot, fresh(spot, making));
}

/** A list with an item twice, or with one more. */
function repeat(spot: Spot, making: Making): void {
  const { holder, key } = spot;
  if (!Array.isArray(holder)) {
    addField(spot, making);
    return;
  }
  const again = making.dice(2) === 0 ? structuredClone(holder[Number(key)]) : fresh(spot, making);
  holder.splice(making.dice(holder.length + 1), 0, again);
}
