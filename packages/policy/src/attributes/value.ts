// What an attribute can hold. Values are bare, so that a bag costs no more than a map; what is not a JavaScript value of its own is a small class.

/** The value types of `istio.policy.v1beta1.ValueType` that attributes may have. */
export type ValueType =
  | 'STRING'
  | 'INT64'
  | 'DOUBLE'
  | 'BOOL'
  | 'TIMESTAMP'
  | 'DURATION'
  | 'IP_ADDRESS'
  | 'EMAIL_ADDRESS'
  | 'URI'
  | 'DNS_NAME'
  | 'STRING_MAP';

/** A point in time, in nanoseconds since 1970-01-01T00:00:00Z. */
export class Timestamp {
  readonly nanoseconds: bigint;
  constructor(nanoseconds: bigint) {
    this.nanoseconds = nanoseconds;
  }
}

/** A length of time in nanoseconds; may be negative. */
export class Duration {
  readonly nanoseconds: bigint;
  constructor(nanoseconds: bigint) {
    this.nanoseconds = nanoseconds;
  }
}

/**
 * `string`: STRING, EMAIL_ADDRESS, URI, DNS_NAME; `bigint`: INT64; `number`: DOUBLE; `boolean`: BOOL;
 * `Uint8Array`: IP_ADDRESS, 4 or 16 bytes; `ReadonlyMap`: STRING_MAP.
 */
export type AttributeValue =
  | string
  | bigint
  | number
  | boolean
  | Timestamp
  | Duration
  | Uint8Array
  | ReadonlyMap<string, string>;

/**
 * What was said, and is too large or malformed to be used: whose absence from the bag proves nothing. By name: the keys
 * of a map whose other keys are there; none: the whole value.
 */
export type UnreadableAttributes = ReadonlyMap<string, ReadonlySet<string>>;

/** The attributes of one call; names as in the vocabulary: `request.headers`. */
export type AttributeBag = ReadonlyMap<string, AttributeValue> & {
  readonly unreadable?: UnreadableAttributes;
};

/**
 * Something that an outcome depends on. `name` alone: the whole value, or its absence; with `key`: that key of a map
 * that is present, and no other of its keys.
 */
export interface AttributeReference {
  readonly name: string;
  readonly key?: string;
  readonly isPresent: boolean;
}

/** Where expressions look attributes up; an implementation may record what was asked for. */
export interface AttributeSource {
  /** The whole value. */
  get(name: string): AttributeValue | undefined;
  /** Whether there is a STRING_MAP of that name. */
  hasMap(name: string): boolean;
  /** One key of a STRING_MAP: `undefined` when the map or the key is absent. */
  getKey(name: string, key: string): string | undefined;
}
