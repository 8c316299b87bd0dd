// Fields that a standard has and stock Envoy cannot do: refused for good, with what to write instead.
import type { Decoder } from './decoder.ts';
import { refuse } from './walk.ts';

/** A decoder that refuses whatever is written; `message` says why Envoy cannot do it. */
export const impossible =
  (message: string, remedy: string): Decoder<never> =>
  (_value, walk) =>
    refuse(walk, { code: 'not-possible-with-envoy', message, remedy });
