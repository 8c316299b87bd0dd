// The body of a BrowserLogin: where users of browsers log in before a gateway serves them.
import type { TextMap } from '../../values/shapes.ts';

export interface BrowserLoginSpec {
  /** Absent: all gateway workloads of the namespace. */
  readonly selector?: TextMap;
  /** Names of Gateways of the Kubernetes API; instead of a selector. */
  readonly targetGateways: readonly string[];
  /** The names under which browsers call the gateway: after a login they are led to no other. At least one; any port. */
  readonly hosts: readonly string[];
  /** An address, without a `/` at its end unless the issuer calls itself so. */
  readonly issuer: string;
  readonly clientId: string;
  /** A Secret of the same namespace with `client-secret`, and `hmac-secret` where the mesh is not to make that key. */
  readonly credentialName: string;
  /** Another number is another key of cookies. */
  readonly sessionKeyVersion: number;
  /** With `openid`. */
  readonly scopes: readonly string[];
  readonly redirectPath: string;
  readonly logoutPath: string;
  /** Nobody has to log in for these: whole paths, or with `/*` at their end everything below. */
  readonly passThroughPaths: readonly string[];
  /** Services get the access token as `Authorization: Bearer`. */
  readonly forwardToken: boolean;
}
