// Decoders of maps with known fields. Nothing is ignored silently: a field is decoded, refused, or on the list of those that do not matter here.
import { isMap } from '../values/plain-map.ts';
import { type Decoder, quote, wrongType } from './decoder.ts';
import { describing } from './description.ts';
import { suggestion } from './suggest.ts';
import { caution, refuse, type Walk } from './walk.ts';

export interface Field<T, IsOptional extends boolean = boolean> {
  readonly decode: Decoder<T>;
  readonly isOptional: IsOptional;
  readonly isRequired: boolean;
  readonly fallback?: T;
}

export const required = <T>(decode: Decoder<T>): Field<T, false> => ({
  decode,
  isOptional: false,
  isRequired: true,
});
/** The key is absent from the result when it is absent from the input. */
export const optional = <T>(decode: Decoder<T>): Field<T, true> => ({
  decode,
  isOptional: true,
  isRequired: false,
});
export const withDefault = <T>(decode: Decoder<T>, fallback: T): Field<T, false> => ({
  decode,
  isOptional: false,
  isRequired: false,
  fallback,
});

type Shape = Readonly<Record<string, Field<unknown>>>;
type Value<F> = F extends Field<infer T> ? T : never;
type OptionalKeys<S extends Shape> = {
  [K in keyof S]: S[K] extends Field<unknown, true> ? K : never;
}[keyof S];

/** What `object(shape)` gives. */
export type Decoded<S extends Shape> = {
  readonly [K in Exclude<keyof S, OptionalKeys<S>>]: Value<S[K]>;
} & { readonly [K in OptionalKeys<S>]?: Value<S[K]> };

export interface ObjectRules {
  /** Fields the standard defines and we do not implement: refused by name. */
  readonly later?: readonly string[];
  /** Standard fields that cannot change what we do. */
  readonly ignored?: readonly string[];
  /** Standard fields that we do not follow, and that only deserve a word of warning. */
  readonly inert?: readonly string[];
  /** Unknown fields are warned about instead of refused. */
  readonly isTolerant?: boolean;
}

/** A map with the fields of `shape`; all problems of all fields are reported. */
export function object<S extends Shape>(shape: S, rules: ObjectRules = {}): Decoder<Decoded<S>> {
  const fields = Object.entries(shape);
  const reserved = reservedFields(shape, rules);
  const decode: Decoder<Decoded<S>> = (value, walk) => {
    if (!isMap(value)) return refuse(walk, wrongType('a map', value, 'write one "field: value" per line'));
    const result: Record<string, unknown> = {};
    let isGood = true;
    let seen = 0;
    for (const [name, field] of fields) {
      const input = value[name];
      if (input !== undefined) seen++;
      const decoded = decodeField(name, field, { input, walk });
      if (decoded !== undefined) result[name] = decoded;
      else if (field.isRequired || !isAbsent(input)) isGood = false;
    }
    const keys = Object.keys(value);
    if (keys.length > seen && !checkOthers(keys, reserved, { shape, walk })) isGood = false;
    return isGood ? (result as Decoded<S>) : undefined;
  };
  return describing(decode, {
    kind: 'object',
    fields: fields.map(([name, { decode, isRequired }]) => ({ name, decode, isRequired })),
    reserved: [...reserved.byName.keys()],
  });
}

const isAbsent = (value: unknown): value is null | undefined => value === null || value === undefined;

function decodeField(name: string, field: Field<unknown>, at: { input: unknown; walk: Walk }): unknown {
  const { input, walk } = at;
  if (isAbsent(input)) {
    if (!field.isRequired) return field.fallback;
    return refuse(walk, {
      code: 'missing-field',
      message: `the field "${name}" is missing`,
      remedy: `add "${name}"`,
    });
  }
  walk.path.push(name);
  const decoded = field.decode(input, walk);
  walk.path.pop();
  return decoded;
}

type Treatment = 'later' | 'ignored' | 'inert';

interface Reserved {
  readonly byName: ReadonlyMap<string, Treatment>;
  readonly isTolerant: boolean;
  readonly known: readonly string[];
}

function reservedFields(shape: Shape, rules: ObjectRules): Reserved {
  const byName = new Map<string, Treatment>();
  for (const treatment of ['later', 'ignored', 'inert'] as const) {
    for (const name of rules[treatment] ?? []) byName.set(name, treatment);
  }
  return { byName, isTolerant: rules.isTolerant ?? false, known: [...Object.keys(shape), ...byName.keys()] };
}

interface Context {
  readonly shape: Shape;
  readonly walk: Walk;
}

function checkOthers(keys: readonly string[], reserved: Reserved, context: Context): boolean {
  let isGood = true;
  for (const key of keys) {
    if (Object.hasOwn(context.shape, key)) continue;
    if (!checkOther(key, reserved, context)) isGood = false;
  }
  return isGood;
}

function checkOther(key: string, reserved: Reserved, { shape, walk }: Context): boolean {
  const treatment = reserved.byName.get(key);
  if (treatment === 'ignored') return true;
  if (treatment === 'inert') {
    caution(walk, { code: 'field-has-no-effect', message: `"${key}" has no effect in this mesh yet` }, key);
    return true;
  }
  if (treatment === 'later') {
    const supported = Object.keys(shape).join(', ');
    refuse(
      walk,
      {
        code: 'not-yet-supported',
        message: `"${key}" is not yet supported`,
        remedy: `remove it; supported here: ${supported}`,
      },
      key,
    );
    return false;
  }
  const complaint = {
    code: 'unknown-field',
    message: `there is no field ${quote(key)} here`,
    remedy: suggestion(key, reserved.known),
  };
  if (reserved.isTolerant) caution(walk, complaint, key);
  else refuse(walk, complaint, key);
  return reserved.isTolerant;
}

/** Exactly one of `names` must be among the entries of a decoded map. */
export function exactlyOne(
  value: Readonly<Record<string, unknown>>,
  names: readonly string[],
  walk: Walk,
): boolean {
  const present = names.filter((name) => value[name] !== undefined);
  if (present.length === 1) return true;
  if (present.length === 0) {
    refuse(walk, {
      code: 'missing-field',
      message: `needs one of ${names.join(', ')}`,
      remedy: 'add one of them',
    });
    return false;
  }
  const [, extra = ''] = present;
  const complaint = {
    code: 'conflicting-fields',
    message: `${present.join(' and ')} exclude each other`,
    remedy: 'keep one',
  };
  refuse(walk, complaint, extra);
  return false;
}
