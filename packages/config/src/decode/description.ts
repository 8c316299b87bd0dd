// What a decoder takes, beside it: for those who make up inputs, such as tests that try everything. Decoding never reads this.
import type { Decoder } from './decoder.ts';

/** The outer shape of what is taken; finer rules (hosts, durations, fields that exclude each other) are the decoder's own. */
export type Description =
  | { readonly kind: 'text' }
  | { readonly kind: 'boolean' }
  | { readonly kind: 'number'; readonly least: number; readonly most: number; readonly isWhole: boolean }
  | { readonly kind: 'word'; readonly words: readonly string[] }
  | {
      readonly kind: 'list';
      readonly item: Decoder<unknown>;
      readonly least: number;
      readonly most: number;
    }
  | { readonly kind: 'map'; readonly item: Decoder<unknown>; readonly most: number }
  | {
      readonly kind: 'object';
      readonly fields: readonly DescribedField[];
      /** Known names that are refused, ignored or warned about. */
      readonly reserved: readonly string[];
    };

export interface DescribedField {
  readonly name: string;
  readonly decode: Decoder<unknown>;
  readonly isRequired: boolean;
}

const descriptions = new WeakMap<Decoder<unknown>, Description>();

/** The same decoder, described. */
export function describing<D extends Decoder<unknown>>(decoder: D, description: Description | undefined): D {
  if (description !== undefined) descriptions.set(decoder, description);
  return decoder;
}

/** Undefined for a decoder that reads its input in a way of its own. */
export const describe = (decoder: Decoder<unknown>): Description | undefined => descriptions.get(decoder);
