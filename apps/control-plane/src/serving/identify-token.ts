// Who presents a token to discovery instead of a certificate. The rule: the same authenticators as for certificates, one identity or none.
import { type Authenticator, authenticateCall, spiffeId } from '@xebec/ca';
import type { PresentedToken } from '@xebec/xds';

export async function identifyToken(
  authenticators: readonly Authenticator[],
  { address, bearerToken }: PresentedToken,
): Promise<string | undefined> {
  const call = { peer: address, bearerToken, peerCertificate: undefined };
  const caller = await authenticateCall(authenticators, call);
  const id = caller === undefined ? undefined : spiffeId(caller.identity);
  return id?.ok === true ? id.value : undefined;
}
