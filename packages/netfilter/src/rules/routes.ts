// Routing that capture needs: packets with the proxy's mark stay on this machine, wherever they are addressed to, and
// so do answers to the address from which the proxy talks to its application.
import { type CaptureRules, type Family, proxyMark, proxyTable } from './capture-rules.ts';

/** Tells our routes and rules of routing from others' (the numbers of rt_protos are free from 100 on). */
export const routeProtocol = 137;

/** One route or rule of routing, as `ip` is told of it. */
export interface PlannedRoute {
  readonly object: 'route' | 'rule';
  readonly selector: string;
}

const own = `proto ${routeProtocol}`;

/** Both families have 127.0.0.6 in common but for its name: `::6` is no loopback address by itself. */
export const inboundSourceRoute: PlannedRoute = {
  object: 'route',
  selector: `local ::6 dev lo table local ${own}`,
};

const markRoutes: readonly PlannedRoute[] = [
  { object: 'rule', selector: `fwmark ${proxyMark} lookup ${proxyTable} ${own}` },
  { object: 'route', selector: `local default dev lo table ${proxyTable} ${own}` },
];

export const planRoutes = (
  { interception }: Pick<CaptureRules, 'interception'>,
  family: Family,
): readonly PlannedRoute[] => [
  ...(family === 'ipv6' && interception !== 'NONE' ? [inboundSourceRoute] : []),
  ...(interception === 'TPROXY' ? markRoutes : []),
];
