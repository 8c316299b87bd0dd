// How a gateway has users log in: what it asks of the issuer, and which secrets it does that with.
import type { Cause } from './reference.ts';

export interface LoginIssuer {
  /** Where browsers are sent. */
  readonly authorization: string;
  /** Where the gateway gets tokens. */
  readonly token: string;
  readonly endSession?: string;
  readonly clientAuthentication: 'basic' | 'post';
  /** SDS name of the roots that the token endpoint is verified with; absent: the operating system's. */
  readonly roots?: string;
}

/** By their SDS names. */
export interface LoginSecretNames {
  /** What the client proves with who it is. */
  readonly client: string;
  /** What cookies are signed and encrypted with. */
  readonly cookies: string;
}

export interface BrowserLogin {
  /** It is the login of these; the first one of a gateway also of all that are no other's. */
  readonly hosts: readonly string[];
  readonly clientId: string;
  readonly scopes: readonly string[];
  readonly redirectPath: string;
  readonly logoutPath: string;
  /** Open to everybody: whole paths, or with `/*` at their end all below. */
  readonly passThroughPaths: readonly string[];
  /** Services get the access token. */
  readonly forwardsToken: boolean;
  readonly secrets: LoginSecretNames;
  /** Absent as long as nobody can log in: then only the open paths are served. */
  readonly issuer?: LoginIssuer;
  readonly cause: Cause;
}

/** One text that is known to few; sent to the gateways of one login. */
export interface LoginSecret {
  /** SDS name. */
  readonly name: string;
  readonly value: Uint8Array;
  readonly causes: readonly Cause[];
}
