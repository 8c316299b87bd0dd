// How a sidecar of redirected traffic is served: what it is told, and which families it takes.
import type { ProxyNode } from '@xebec/model';

export type Taker = ProxyNode['discovery'] | `${ProxyNode['discovery']}:ipv6`;

export const takerOf = ({ discovery, hasIpv6 }: ProxyNode): Taker =>
  hasIpv6 === true ? `${discovery}:ipv6` : discovery;
