// The attributes of one call as the library sees them. Rule: what is absent has its type's zero value, as in Istio's CEL (`has()` tells the difference); of a map only the keys that are asked for are looked up.
import { type CelInput, celMap } from '@bufbuild/cel';
import { create } from '@bufbuild/protobuf';
import { DurationSchema, TimestampSchema } from '@bufbuild/protobuf/wkt';
import {
  type AttributeSource,
  type AttributeValue,
  Duration,
  Timestamp,
  type ValueType,
} from '../../attributes/value.ts';
import { checks } from '../istio/step.ts';
import { longestBytes } from '../values/ip-address.ts';
import type { AttributeUse } from './check-cel.ts';

export type Bindings = Readonly<Record<string, CelInput>>;

/** What an absent attribute counts as. */
export const zeroValues: Readonly<Record<ValueType, AttributeValue>> = {
  STRING: '',
  EMAIL_ADDRESS: '',
  URI: '',
  DNS_NAME: '',
  INT64: 0n,
  DOUBLE: 0,
  BOOL: false,
  TIMESTAMP: new Timestamp(0n),
  DURATION: new Duration(0n),
  IP_ADDRESS: new Uint8Array(0),
  STRING_MAP: new Map(),
};

/** Makes the bindings of a call: a lookup happens when the library asks. */
export function bindingsFor(uses: readonly AttributeUse[]): (attributes: AttributeSource) => Bindings {
  const prototype = {};
  for (const use of uses) {
    Object.defineProperty(prototype, use.variable, {
      get(this: { readonly attributes: AttributeSource }) {
        return lookUp(this.attributes, use);
      },
    });
  }
  return (attributes) => Object.create(prototype, { attributes: { value: attributes } });
}

function lookUp(attributes: AttributeSource, { name, type, isTest }: AttributeUse): CelInput {
  if (type === 'STRING_MAP') {
    return isTest ? attributes.hasMap(name) : celMap(new LookedUpMap(attributes, name));
  }
  const value = attributes.get(name);
  const isThere = value !== undefined && checks[type](value);
  return isTest ? isThere : toCel(isThere ? value : zeroValues[type]);
}

const second = 1_000_000_000n;

function toCel(value: AttributeValue): CelInput {
  if (value instanceof Timestamp) {
    const nanos = ((value.nanoseconds % second) + second) % second;
    return create(TimestampSchema, { seconds: (value.nanoseconds - nanos) / second, nanos: Number(nanos) });
  }
  if (value instanceof Duration) {
    const nanos = value.nanoseconds % second;
    return create(DurationSchema, { seconds: (value.nanoseconds - nanos) / second, nanos: Number(nanos) });
  }
  if (value instanceof Uint8Array) return longestBytes(value);
  return value;
}

/** A map that is looked up key by key. */
class LookedUpMap implements ReadonlyMap<string, string> {
  readonly #attributes: AttributeSource;
  readonly #name: string;

  constructor(attributes: AttributeSource, name: string) {
    this.#attributes = attributes;
    this.#name = name;
  }

  get(key: string): string | undefined {
    return this.#attributes.hasMap(this.#name) ? this.#attributes.getKey(this.#name, String(key)) : undefined;
  }

  has(key: string): boolean {
    return this.get(key) !== undefined;
  }

  get size(): number {
    return this.#whole().size;
  }

  forEach(visit: (value: string, key: string, map: ReadonlyMap<string, string>) => void): void {
    for (const [key, value] of this.#whole()) visit(value, key, this);
  }

  entries(): MapIterator<[string, string]> {
    return this.#whole().entries();
  }

  keys(): MapIterator<string> {
    return this.#whole().keys();
  }

  values(): MapIterator<string> {
    return this.#whole().values();
  }

  [Symbol.iterator](): MapIterator<[string, string]> {
    return this.entries();
  }

  #whole(): ReadonlyMap<string, string> {
    const value = this.#attributes.get(this.#name);
    return value instanceof Map ? value : new Map();
  }
}
