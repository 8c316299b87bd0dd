// Where the requests arrive that a table of rules is for: what rules mean depends on it.
import type { Host } from '@xebec/model';
import type { FilterOverrides } from '../authorization/outside.ts';

export interface RequestPoint {
  /** The port of the service or Gateway object, which rules refer to. */
  readonly port: number;
  /** The port that clients really dial; differs where a gateway may not bind the one it was given. */
  readonly clientPort: number;
  readonly scheme: 'http' | 'https';
  /** Proxyless gRPC clients read the same routes, but refuse filters they do not know. */
  readonly client: 'envoy' | 'grpc';
  /** What is enforced here for services that have no proxy, by host. */
  readonly outside?: ReadonlyMap<Host, FilterOverrides>;
}

/** A port inside the mesh, where sidecars take plaintext from their applications. */
export const meshPoint = (port: number): RequestPoint => ({
  port,
  clientPort: port,
  scheme: 'http',
  client: 'envoy',
});
