// Raw objects from other places than files: the journal, an API request, a platform's API.
import type { Origin } from '@xebec/std';
import type { RawObject } from '../types.ts';

/** A raw object without positions: every field is at `origin`. */
export function rawObject(value: unknown, origin: Origin): RawObject {
  return {
    value,
    origin,
    locate: () => origin,
    get text() {
      return JSON.stringify(value, null, 2) ?? '';
    },
  };
}
