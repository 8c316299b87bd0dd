// The attributes of one call as expressions see them: the caller's, then those that adapters produced. Rule: what the caller said is never overridden; all that was asked of it is remembered.
import { RecordingSource, sourceOf } from '../attributes/bag.ts';
import type {
  AttributeBag,
  AttributeReference,
  AttributeSource,
  AttributeValue,
} from '../attributes/value.ts';

export class CallSource implements AttributeSource {
  readonly #bag: AttributeBag;
  readonly #said: AttributeSource;
  readonly #recording: RecordingSource | undefined;
  #produced: Map<string, AttributeValue> | undefined;

  constructor(bag: AttributeBag, { isRecording }: { isRecording: boolean }) {
    this.#bag = bag;
    this.#recording = isRecording ? new RecordingSource(bag) : undefined;
    this.#said = this.#recording ?? sourceOf(bag);
  }

  get(name: string): AttributeValue | undefined {
    return this.#said.get(name) ?? this.#produced?.get(name);
  }

  hasMap(name: string): boolean {
    return this.#said.hasMap(name) || this.#produced?.get(name) instanceof Map;
  }

  getKey(name: string, key: string): string | undefined {
    if (this.#produced === undefined || this.#bag.has(name)) return this.#said.getKey(name, key);
    return keyOf(this.#produced.get(name), key);
  }

  /** Adds what an adapter produced. False: the caller has said it already, and that stands. */
  produce(name: string, value: AttributeValue): boolean {
    if (this.#bag.has(name)) return false;
    this.#produced ??= new Map();
    this.#produced.set(name, value);
    return true;
  }

  /** What was asked of the caller's attributes, present or absent. */
  references(): readonly AttributeReference[] {
    return this.#recording?.references() ?? [];
  }
}

/** One key of what may be a map. */
export const keyOf = (map: AttributeValue | undefined, key: string): string | undefined =>
  map instanceof Map ? map.get(key) : undefined;
