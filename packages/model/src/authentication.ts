// Whose tokens a workload believes: the rules of its RequestAuthentications, with the keys that are known now.
import type { Cause } from './reference.ts';

/**
 * `uri URL` for keys that are published there, `issuer URL` for those that the issuer's OpenID configuration leads to;
 * `login URL` for the endpoints in that configuration at which users log in. Whoever fetches them is asked by this name.
 */
export type KeySource = `uri ${string}` | `issuer ${string}` | `login ${string}`;

export interface TokenHeader {
  /** Lower case. */
  readonly name: string;
  /** What stands before the token. */
  readonly prefix: string;
}

export interface TokenRule {
  readonly issuer: string;
  /** The token is for one of them; empty: for anybody. */
  readonly audiences: readonly string[];
  /** A JSON Web Key Set; absent as long as no keys are known: then no token of this issuer is accepted. */
  readonly keySet?: string;
  /** Where a token is looked for; all empty: `authorization: Bearer`, and the parameter `access_token`. */
  readonly fromHeaders: readonly TokenHeader[];
  readonly fromParams: readonly string[];
  readonly fromCookies: readonly string[];
  /** Gets the payload in base64url; what a client sends there is removed. */
  readonly payloadHeader?: string;
  readonly claimHeaders: readonly { readonly header: string; readonly claim: string }[];
  /** Otherwise the token is removed from the request. */
  readonly forwardsToken: boolean;
  /** Text in these claims is a list of words. */
  readonly spaceDelimitedClaims: readonly string[];
  readonly cause: Cause;
}

/** In the order of their policies. A request with a token that no rule accepts is refused; one without a token is not. */
export type Authentication = readonly TokenRule[];
