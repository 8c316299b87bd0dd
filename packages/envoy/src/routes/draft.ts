// A virtual host before domains that two hosts claim are given to one of them.
import type { ConnectionTable, Host, Layer, RouteTable } from '@xebec/model';

export interface Draft {
  readonly layer: Layer;
  readonly route: string;
  readonly host: Host;
  readonly port: number;
  readonly domains: readonly string[];
  /** What requests get or, through the HTTP proxy, connections. */
  readonly table: RouteTable | ConnectionTable;
}
