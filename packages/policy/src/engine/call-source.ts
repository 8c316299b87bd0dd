// The attributes of one call as expressions see them: the caller's, then those that adapters produced. Rule: what the caller said is never overridden, also where nobody can read it; all that was asked of it is remembered.
import { RecordingSource, sourceOf } from '../attributes/bag.ts';
import type {
  AttributeBag,
  AttributeReference,
  AttributeSource,
  AttributeValue,
  UnreadableAttributes,
} from '../attributes/value.ts';

export class CallSource implements AttributeSource {
  readonly #bag: AttributeBag;
  readonly #said: AttributeSource;
  readonly #recording: RecordingSource | undefined;
  #produced: Map<string, AttributeValue> | undefined;
  #unreadable: UnreadableAttributes | undefined;
  #missed: string | undefined;
  readonly #isLenient: boolean;

  /** `isLenient`: what cannot be read is as good as absent, because nothing is decided by it. */
  constructor(
    bag: AttributeBag,
    { isRecording, isLenient = false }: { readonly isRecording: boolean; readonly isLenient?: boolean },
  ) {
    this.#bag = bag;
    this.#isLenient = isLenient;
    const { unreadable } = bag;
    this.#isLenient = isLenient;
    if (!isLenient && unreadable !== undefined && unreadable.size > 0) this.#unreadable = unreadable;
    this.#recording = isRecording ? new RecordingSource(bag) : undefined;
    this.#said = this.#recording ?? sourceOf(bag);
  }

  get(name: string): AttributeValue | undefined {
    if (this.#unreadable?.has(name)) this.#missed ??= name;
    return this.#said.get(name) ?? this.#produced?.get(name);
  }

  hasMap(name: string): boolean {
    if (this.#unreadable?.get(name)?.size === 0) this.#missed ??= name;
    return this.#said.hasMap(name) || this.#produced?.get(name) instanceof Map;
  }

  getKey(name: string, key: string): string | undefined {
    const keys = this.#unreadable?.get(name);
    if (keys?.size === 0) this.#missed ??= name;
    else if (keys?.has(key)) this.#missed ??= `${name}[${JSON.stringify(key)}]`;
    if (this.#produced === undefined || this.#bag.has(name)) return this.#said.getKey(name, key);
    return keyOf(this.#produced.get(name), key);
  }

  /** Adds what an adapter produced. False: the caller has said it already, and that stands. */
  produce(name: string, value: AttributeValue): boolean {
    if (this.#bag.has(name) || this.#unreadable?.has(name)) return false;
    this.#produced ??= new Map();
    this.#produced.set(name, value);
    return true;
  }

  /** What was asked since the last time and cannot be read: whatever came of it decides nothing. */
  takeMissed(): string | undefined {
    const missed = this.#missed;
    this.#missed = undefined;
    return missed;
  }

  /** What would have been made of something that cannot be read, or by an adapter that failed, cannot be read either. */
  spoil(names: Iterable<string>): void {
    if (this.#isLenient) return;
    const spoiled = new Map(this.#unreadable);
    for (const name of names)
      if (!this.#bag.has(name) && !this.#produced?.has(name)) spoiled.set(name, new Set());
    this.#unreadable = spoiled;
  }

  /** What was asked of the caller's attributes, present or absent. */
  references(): readonly AttributeReference[] {
    return this.#recording?.references() ?? [];
  }
}

/** One key of what may be a map. */
export const keyOf = (map: AttributeValue | undefined, key: string): string | undefined =>
  map instanceof Map ? map.get(key) : undefined;
