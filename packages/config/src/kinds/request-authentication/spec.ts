// The body of a RequestAuthentication: whose tokens are believed, with which keys, and where they are in a request.
import type { TextMap } from '../../values/shapes.ts';
import type { PublicKey } from './key-set.ts';

/** Where the keys are from that tokens are signed with. */
export type TokenKeysSpec =
  /** Written in the object. */
  | { readonly kind: 'inline'; readonly keys: readonly PublicKey[] }
  | { readonly kind: 'uri'; readonly uri: string }
  /** Where the issuer's OpenID configuration says. */
  | { readonly kind: 'discovery' };

export interface TokenHeader {
  readonly name: string;
  /** What stands before the token: `Bearer `. */
  readonly prefix: string;
}

export interface JwtRule {
  readonly issuer: string;
  /** Empty: any. */
  readonly audiences: readonly string[];
  readonly keys: TokenKeysSpec;
  /** When all three are empty: `Authorization: Bearer`, and the parameter `access_token`. */
  readonly fromHeaders: readonly TokenHeader[];
  readonly fromParams: readonly string[];
  readonly fromCookies: readonly string[];
  /** Gets the payload in base64url. */
  readonly outputPayloadToHeader?: string;
  readonly outputClaimToHeaders: readonly { readonly header: string; readonly claim: string }[];
  readonly forwardOriginalToken: boolean;
  /** For fetching the keys. */
  readonly timeoutMs: number;
  readonly spaceDelimitedClaims: readonly string[];
}

export interface RequestAuthenticationSpec {
  /** Absent: the whole namespace (the mesh, in the root namespace). */
  readonly selector?: TextMap;
  /** Names of Gateways of the Kubernetes API; instead of a selector. */
  readonly targetGateways: readonly string[];
  readonly jwtRules: readonly JwtRule[];
}
