// What must hold between the fields of a VirtualService's `tcp` and `tls` routes.
import { quote } from '../../decode/decoder.ts';
import { caution, refuse, type Walk } from '../../decode/walk.ts';
import { isIpAddress } from '../../values/address.ts';
import type { TcpRouteSpec, TlsRouteSpec, VirtualServiceSpec } from './spec.ts';

/** Something must be routed, and server names must be those of the hosts. */
export function checkConnections(spec: VirtualServiceSpec, walk: Walk): boolean {
  const isRouted = spec.http.length + spec.tls.length + spec.tcp.length > 0;
  if (!isRouted) {
    const remedy = 'add http, tls or tcp';
    refuse(walk, { code: 'missing-field', message: 'needs at least one route', remedy }, 'http');
  }
  warnAboutUnreachable(spec.tcp, walk);
  return [
    isRouted,
    checkServerNames(spec, walk),
    checkLabels('tls', spec, walk),
    checkLabels('tcp', spec, walk),
  ].every(Boolean);
}

function checkServerNames({ hosts, tls }: VirtualServiceSpec, walk: Walk): boolean {
  let isGood = true;
  for (const [route, { matches }] of tls.entries()) {
    for (const [match, { sniHosts }] of matches.entries()) {
      for (const [at, name] of sniHosts.entries()) {
        if (hosts.some((host) => covers(host, name))) continue;
        isGood = false;
        const message = `${quote(name)} is not covered by a host of this VirtualService`;
        const remedy = `add it to spec.hosts (now: ${hosts.slice(0, 10).join(', ')})`;
        const complaint = { code: 'unknown-reference', message, remedy };
        refuse(walk, complaint, 'tls', route, 'match', match, 'sniHosts', at);
      }
    }
  }
  return isGood;
}

/** Short names of services cover their longer forms; addresses have no server name of their own. */
function covers(host: string, name: string): boolean {
  if (host === '*' || host === name || isIpAddress(host)) return true;
  if (host.startsWith('*.')) return name.endsWith(host.slice(1));
  return !host.includes('.') && name.startsWith(`${host}.`);
}

/** Gateways do not know the labels of their clients. */
function checkLabels(kind: 'tls' | 'tcp', spec: VirtualServiceSpec, walk: Walk): boolean {
  let isGood = true;
  const routes: readonly (TcpRouteSpec | TlsRouteSpec)[] = spec[kind];
  for (const [route, { matches }] of routes.entries()) {
    for (const [match, { sourceLabels, gateways }] of matches.entries()) {
      const places = gateways.length === 0 ? spec.gateways : gateways;
      if (Object.keys(sourceLabels).length === 0 || places.includes('mesh')) continue;
      isGood = false;
      const message = 'sourceLabels are known of clients in the mesh only';
      const complaint = { code: 'conflicting-fields', message, remedy: 'add the gateway mesh, or remove it' };
      refuse(walk, complaint, kind, route, 'match', match, 'sourceLabels');
    }
  }
  return isGood;
}

function warnAboutUnreachable(routes: readonly TcpRouteSpec[], walk: Walk): void {
  const catchAll = routes.findIndex(({ matches }) => matches.length === 0);
  if (catchAll < 0 || catchAll === routes.length - 1) return;
  const message = `never reached: tcp[${catchAll}] takes every connection`;
  const complaint = { code: 'unreachable-rule', message, remedy: 'move the route without match to the end' };
  caution(walk, complaint, 'tcp', catchAll + 1);
}
