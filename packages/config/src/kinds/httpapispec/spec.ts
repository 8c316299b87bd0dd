// The body of an HTTPAPISpec: what the operations of an HTTP API are called, and where its keys are (`istio.mixer.v1.config.client.HTTPAPISpec`).
import type { TextMap } from '../../values/shapes.ts';

/** A value that is given to requests; `STRING_MAP`: a map of texts, bytes in base64. */
export type AttributeLiteral =
  | { readonly type: 'STRING' | 'TIMESTAMP' | 'BYTES'; readonly value: string }
  /** In nanoseconds, as decimal digits; INT64 in units. */
  | { readonly type: 'INT64' | 'DURATION'; readonly value: string }
  | { readonly type: 'DOUBLE'; readonly value: number }
  | { readonly type: 'BOOL'; readonly value: boolean }
  | { readonly type: 'STRING_MAP'; readonly value: TextMap };

export type AttributeLiterals = Readonly<Record<string, AttributeLiteral>>;

export interface HttpApiSpecSpec {
  /** Of every request that matches a pattern. */
  readonly attributes: AttributeLiterals;
  readonly patterns: readonly HttpApiPattern[];
  /** Where a key may be, first of these first; empty: `key` and `api_key` in the query, then the header `x-api-key`. */
  readonly apiKeys: readonly { readonly in: 'query' | 'header' | 'cookie'; readonly name: string }[];
}

/** One of `uriTemplate` and `regex`. */
export interface HttpApiPattern {
  readonly attributes: AttributeLiterals;
  /** In upper case. */
  readonly httpMethod: string;
  /** RFC 6570, level 1: `/pets/{id}`; `*` is one part of the path. */
  readonly uriTemplate?: string;
  /** RE2. */
  readonly regex?: string;
}
