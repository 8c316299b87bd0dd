// Who is calling: each authenticator looks at one kind of credential and answers with an identity or with nothing.
import type { Identity } from '../spiffe-id.ts';

/** What an authenticator may look at. */
export interface AuthenticationCall {
  /** The caller's address, for the audit. */
  readonly peer: string;
  /** The token of the only `authorization: Bearer …` header; undefined where there is none or several. */
  readonly bearerToken: string | undefined;
  /** DER of the client certificate, only when TLS verified its chain. */
  readonly peerCertificate: Uint8Array | undefined;
}

export interface Authenticator {
  readonly name: string;
  /** Undefined: no credential of this kind, or one that is not valid. */
  authenticate(call: AuthenticationCall): Promise<Identity | undefined>;
}

/** The first identity found, with the authenticator that found it; one that fails counts as finding none. */
export async function authenticateCall(
  authenticators: readonly Authenticator[],
  call: AuthenticationCall,
): Promise<{ readonly identity: Identity; readonly authenticator: string } | undefined> {
  for (const authenticator of authenticators) {
    const identity = await authenticator.authenticate(call).catch(() => undefined);
    if (identity !== undefined) return { identity, authenticator: authenticator.name };
  }
  return undefined;
}
