// Routing that capture needs: packets with the proxy's mark stay on this machine, wherever they are addressed to.
import { type CaptureRules, proxyMark, proxyTable } from './capture-rules.ts';

/** Tells our routes and rules of routing from others' (the numbers of rt_protos are free from 100 on). */
export const routeProtocol = 137;

/** One route or rule of routing, as `ip` is told of it. */
export interface PlannedRoute {
  readonly object: 'route' | 'rule';
  readonly selector: string;
}

/** The same for both families. */
export const planRoutes = ({ interception }: Pick<CaptureRules, 'interception'>): PlannedRoute[] =>
  interception === 'TPROXY'
    ? [
        { object: 'rule', selector: `fwmark ${proxyMark} lookup ${proxyTable} proto ${routeProtocol}` },
        {
          object: 'route',
          selector: `local default dev lo table ${proxyTable} proto ${routeProtocol}`,
        },
      ]
    : [];
