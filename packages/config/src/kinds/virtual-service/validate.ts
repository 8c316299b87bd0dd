// What must hold between the fields of a VirtualService.
import { caution, refuse, type Walk } from '../../decode/walk.ts';
import type { HttpRouteSpec, VirtualServiceSpec } from './spec.ts';
import { checkConnections } from './validate-connections.ts';

export function checkVirtualService(spec: VirtualServiceSpec, walk: Walk): VirtualServiceSpec | undefined {
  let isGood = checkDelegation(spec, walk);
  const seen = new Set<string>();
  for (const [index, host] of spec.hosts.entries()) {
    if (seen.has(host)) {
      isGood = false;
      const message = `"${host}" is listed twice`;
      refuse(walk, { code: 'duplicate', message, remedy: 'list it once' }, 'hosts', index);
    }
    if (host === '*' && spec.gateways.includes('mesh')) {
      isGood = false;
      const message = '"*" would catch all traffic of the mesh';
      refuse(
        walk,
        { code: 'invalid-host', message, remedy: 'name the hosts, or bind to a gateway only' },
        'hosts',
        index,
      );
    }
    seen.add(host);
  }
  for (const kind of ['http', 'tls', 'tcp'] as const) {
    if (!checkMatchGateways(spec, kind, walk)) isGood = false;
  }
  if (!checkConnections(spec, walk)) isGood = false;
  warnAboutUnreachable(spec.http, walk);
  return isGood ? spec : undefined;
}

/** Where faults happen: see `fault-place.ts` of the mesh. */
const faultPlacement = 'xebec.io/fault-placement';

export function checkFaultPlacement(walk: Walk): boolean {
  const value = walk.metadata.annotations[faultPlacement];
  if (value === undefined || value === 'client' || value === 'destination') return true;
  const message = `${JSON.stringify(value.slice(0, 60))} is no place for faults`;
  const remedy = 'write client or destination';
  refuse(walk, { code: 'unknown-value', message, remedy }, 'metadata', 'annotations', faultPlacement);
  return false;
}

/** Without hosts it is only there to be delegated to: then it has no gateways and delegates nothing on. */
function checkDelegation({ hosts, gateways, ...routes }: VirtualServiceSpec, walk: Walk): boolean {
  if (hosts.length > 0) return true;
  let isGood = true;
  if (gateways.length > 0) {
    isGood = false;
    const message = 'there are gateways, but no hosts to serve there';
    const remedy = 'add hosts; routes to be delegated to have neither hosts nor gateways';
    refuse(walk, { code: 'missing-field', message, remedy }, 'gateways');
  }
  for (const kind of ['tls', 'tcp'] as const) {
    if (routes[kind].length === 0) continue;
    isGood = false;
    const message = `only http routes can be delegated to, and there are no hosts for "${kind}"`;
    refuse(walk, { code: 'missing-field', message, remedy: 'add hosts' }, kind);
  }
  for (const [route, { action }] of routes.http.entries()) {
    if (action.kind !== 'delegate') continue;
    isGood = false;
    const message = 'a VirtualService without hosts is delegated to and cannot delegate on';
    const remedy = 'add hosts, or write the routes here';
    refuse(walk, { code: 'conflicting-fields', message, remedy }, 'http', route, 'delegate');
  }
  return isGood;
}

/** A match can narrow the VirtualService's gateways, not add to them. */
function checkMatchGateways(spec: VirtualServiceSpec, kind: 'http' | 'tls' | 'tcp', walk: Walk): boolean {
  const own = new Set(spec.gateways.map((name) => qualify(name, walk)));
  let isGood = true;
  if (spec.hosts.length === 0) return true;
  for (const [route, { matches }] of spec[kind].entries()) {
    for (const [match, { gateways }] of matches.entries()) {
      const unknown = gateways.findIndex((name) => !own.has(qualify(name, walk)));
      if (unknown < 0) continue;
      isGood = false;
      const message = `"${gateways[unknown]}" is not among the gateways of this VirtualService`;
      const remedy = `add it to spec.gateways (now: ${spec.gateways.join(', ')})`;
      const complaint = { code: 'unknown-reference', message, remedy };
      refuse(walk, complaint, kind, route, 'match', match, 'gateways', unknown);
    }
  }
  return isGood;
}

const qualify = (name: string, walk: Walk): string =>
  name === 'mesh' || name.includes('/') ? name : `${walk.metadata.namespace}/${name}`;

/** Routes are tried in order: what follows one without conditions is never reached. */
function warnAboutUnreachable(routes: readonly HttpRouteSpec[], walk: Walk): void {
  const catchAll = routes.findIndex(({ matches }) => matches.length === 0);
  if (catchAll < 0 || catchAll === routes.length - 1) return;
  const message = `never reached: http[${catchAll}] takes every request`;
  const complaint = { code: 'unreachable-rule', message, remedy: 'move the route without match to the end' };
  caution(walk, complaint, 'http', catchAll + 1);
}
