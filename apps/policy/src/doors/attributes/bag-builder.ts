// Makes an attribute bag of what somebody said. The rule: what is unknown, of another type, too large or not a text at all is left out, counted, and named to who said it; what is there and cannot be read is told from what is absent.
import {
  type AttributeBag,
  type AttributeValue,
  Duration,
  Timestamp,
  type ValueType,
  type Vocabulary,
} from '@xebec/policy';
import type { DoorLimits } from '../limits.ts';

/** Why an attribute was left out. `not-yours`: only proxies may say it, or it is taken from the caller's identity. */
export type DropReason = 'unknown' | 'wrong-type' | 'not-yours' | 'too-large' | 'too-many' | 'malformed';

export interface Dropped {
  readonly name: string;
  readonly reason: DropReason;
}

export interface BagRules {
  readonly vocabulary: Vocabulary;
  readonly limits: DoorLimits;
  readonly countDrop: (reason: DropReason) => void;
}

/** How many are named at most; all are counted. */
const mostNamed = 32;
const mostNameShown = 100;

const INT64 = { least: -(2n ** 63n), most: 2n ** 63n - 1n };

export class BagBuilder {
  readonly #rules: BagRules;
  readonly #values: SaidAttributes;
  readonly #own = new Set<string>();
  readonly dropped: Dropped[] = [];

  /** With `from` it begins with what that bag has: what is set then changes a copy of it. */
  constructor(rules: BagRules, from?: AttributeBag) {
    this.#rules = rules;
    this.#values = new SaidAttributes(from);
  }

  get bag(): AttributeBag {
    return this.#values;
  }

  /** Names that the door itself has said: the same for all calls of this caller. */
  get ownNames(): ReadonlySet<string> {
    return this.#own;
  }

  drop(name: string, reason: DropReason): void {
    this.#rules.countDrop(reason);
    if (this.dropped.length < mostNamed) this.dropped.push({ name: name.slice(0, mostNameShown), reason });
  }

  /** What the caller says. */
  set(name: string, value: AttributeValue): void {
    const reason = this.#refuse(name, value);
    if (reason === undefined) {
      this.#values.unreadable.delete(name);
      this.#values.set(name, value instanceof Map ? this.#goodEntries(name, value) : value);
      return;
    }
    this.drop(name, reason);
    if (isThere(reason) && this.#rules.vocabulary.get(name) !== undefined)
      this.#values.unreadable.set(name, new Set());
  }

  /** One bad header hides no other. */
  #goodEntries(name: string, entries: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
    const { limits } = this.#rules;
    let good: Map<string, string> | undefined;
    for (const [key, value] of entries) {
      const reason = refuseText(key, limits.nameBytes) ?? refuseText(value, limits.valueBytes);
      if (reason === undefined) continue;
      good ??= new Map(entries);
      good.delete(key);
      this.#values.unreadable.set(name, (this.#values.unreadable.get(name) ?? new Set()).add(key));
      this.drop(`${name}[${key}]`, reason);
    }
    return good ?? entries;
  }

  /** What the door knows better: replaces what the caller said. `undefined` takes it away. */
  know(name: string, value: AttributeValue | undefined): void {
    const declared = this.#rules.vocabulary.get(name);
    this.#own.add(name);
    this.#values.unreadable.delete(name);
    if (value === undefined || declared === undefined || !isOfType(value, declared.type))
      this.#values.delete(name);
    else this.#values.set(name, value);
  }

  #refuse(name: string, value: AttributeValue): DropReason | undefined {
    const { vocabulary, limits } = this.#rules;
    if (name.length > limits.nameBytes) return 'too-large';
    const declared = vocabulary.get(name);
    if (declared === undefined) return 'unknown';
    if (!isOfType(value, declared.type)) return 'wrong-type';
    if (this.#values.size >= limits.attributes && !this.#values.has(name)) return 'too-many';
    return refuseContent(value, limits);
  }
}

/** Reasons that say nothing about who says it: a stranger's request may be the cause, to be taken for another. */
const isThere = (reason: DropReason): boolean =>
  reason === 'too-large' || reason === 'too-many' || reason === 'malformed';

class SaidAttributes extends Map<string, AttributeValue> {
  readonly unreadable: Map<string, Set<string>>;

  constructor(from?: AttributeBag) {
    super(from);
    this.unreadable = new Map();
    for (const [name, keys] of from?.unreadable ?? []) this.unreadable.set(name, new Set(keys));
  }
}

export function isOfType(value: AttributeValue, type: ValueType): boolean {
  switch (type) {
    case 'STRING':
    case 'EMAIL_ADDRESS':
    case 'URI':
    case 'DNS_NAME':
      return typeof value === 'string';
    case 'INT64':
      return typeof value === 'bigint' && value >= INT64.least && value <= INT64.most;
    case 'DOUBLE':
      return typeof value === 'number';
    case 'BOOL':
      return typeof value === 'boolean';
    case 'TIMESTAMP':
      return value instanceof Timestamp;
    case 'DURATION':
      return value instanceof Duration;
    case 'IP_ADDRESS':
      return value instanceof Uint8Array && (value.length === 4 || value.length === 16);
    case 'STRING_MAP':
      return value instanceof Map;
  }
}

function refuseContent(value: AttributeValue, limits: DoorLimits): DropReason | undefined {
  if (typeof value === 'string') return refuseText(value, limits.valueBytes);
  if (value instanceof Map) return refuseMap(value, limits);
  return undefined;
}

/** What stands for bytes that were no UTF-8. */
const replacement = '\ufffd';
const suspicious = /[\ud800-\udfff\ufffd]/;

function refuseText(text: string, mostBytes: number): DropReason | undefined {
  if (text.length > mostBytes) return 'too-large';
  if (text.length * 3 > mostBytes && Buffer.byteLength(text) > mostBytes) return 'too-large';
  // Most texts have neither, which is seen without looking for pairs.
  if (!suspicious.test(text)) return undefined;
  return text.includes(replacement) || /\p{Surrogate}/u.test(text) ? 'malformed' : undefined;
}

function refuseMap(entries: ReadonlyMap<unknown, unknown>, limits: DoorLimits): DropReason | undefined {
  if (entries.size > limits.mapEntries) return 'too-many';
  let bytes = 0;
  for (const [key, value] of entries) {
    if (typeof key !== 'string' || typeof value !== 'string') return 'wrong-type';
    bytes += key.length + value.length;
  }
  return bytes > limits.valueBytes ? 'too-large' : undefined;
}
