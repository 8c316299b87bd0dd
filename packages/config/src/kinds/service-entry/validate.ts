// What must hold between the fields of a ServiceEntry: its resolution says which endpoints it can have.
import { quote } from '../../decode/decoder.ts';
import { type Complaint, refuse, type Walk } from '../../decode/walk.ts';
import { isIpAddress } from '../../values/address.ts';
import type { ServiceEntrySpec } from './spec.ts';

type Resolution = ServiceEntrySpec['resolution'];

export function checkResolution(resolution: Resolution | 'DYNAMIC_DNS', walk: Walk): Resolution | undefined {
  if (resolution !== 'DYNAMIC_DNS') return resolution;
  const message = 'DYNAMIC_DNS is not yet supported';
  return refuse(walk, { code: 'not-yet-supported', message, remedy: 'write DNS and name the hosts' });
}

export function checkServiceEntry(spec: ServiceEntrySpec, walk: Walk): ServiceEntrySpec | undefined {
  const checks = [checkHosts, checkPorts, checkSources, checkEndpoints];
  let isGood = true;
  for (const check of checks) if (!check(spec, walk)) isGood = false;
  return isGood ? spec : undefined;
}

function reject(walk: Walk, complaint: Complaint, ...under: readonly (string | number)[]): false {
  refuse(walk, complaint, ...under);
  return false;
}

function checkHosts({ hosts, resolution }: ServiceEntrySpec, walk: Walk): boolean {
  const seen = new Set<string>();
  let isGood = true;
  for (const [index, host] of hosts.entries()) {
    const place = ['hosts', index] as const;
    if (seen.has(host)) {
      const message = `"${host}" is listed twice`;
      isGood = reject(walk, { code: 'duplicate', message, remedy: 'list it once' }, ...place);
    }
    seen.add(host);
    if (host.startsWith('*.') && resolution.startsWith('DNS')) {
      const message = `DNS cannot resolve ${quote(host)}`;
      const remedy = 'name the host, or use resolution NONE';
      isGood = reject(walk, { code: 'invalid-host', message, remedy }, ...place);
    }
  }
  return isGood;
}

function checkPorts({ ports }: ServiceEntrySpec, walk: Walk): boolean {
  const names = new Set<string>();
  const numbers = new Set<number>();
  let isGood = true;
  for (const [index, { name, number }] of ports.entries()) {
    const twice = names.has(name) ? `name "${name}"` : numbers.has(number) ? `number ${number}` : undefined;
    names.add(name);
    numbers.add(number);
    if (twice === undefined) continue;
    const complaint = { code: 'duplicate', message: `two ports have the ${twice}`, remedy: 'change one' };
    isGood = reject(walk, complaint, 'ports', index);
  }
  return isGood;
}

/** Where endpoints come from: a list, a selector, DNS, or nowhere. */
function checkSources(spec: ServiceEntrySpec, walk: Walk): boolean {
  const { resolution, endpoints, workloadSelector } = spec;
  const hasEndpoints = endpoints.length > 0;
  if (hasEndpoints && workloadSelector !== undefined) {
    const message = 'endpoints and workloadSelector exclude each other';
    return reject(walk, { code: 'conflicting-fields', message, remedy: 'keep one' }, 'workloadSelector');
  }
  if (workloadSelector !== undefined && Object.keys(workloadSelector).length === 0) {
    const message = 'an empty selector selects nothing';
    return reject(walk, { code: 'missing-field', message, remedy: 'add labels' }, 'workloadSelector');
  }
  if (resolution === 'NONE' && (hasEndpoints || workloadSelector !== undefined)) {
    const message = 'resolution NONE takes no endpoints';
    const remedy = 'set resolution to STATIC or DNS';
    return reject(
      walk,
      { code: 'conflicting-fields', message, remedy },
      hasEndpoints ? 'endpoints' : 'workloadSelector',
    );
  }
  if (resolution === 'STATIC' && !hasEndpoints && workloadSelector === undefined) {
    const message = 'resolution STATIC needs endpoints or a workloadSelector';
    return reject(walk, {
      code: 'missing-field',
      message,
      remedy: 'add endpoints, or set resolution to DNS',
    });
  }
  if (resolution === 'DNS_ROUND_ROBIN' && endpoints.length > 1) {
    const message = 'DNS_ROUND_ROBIN takes one endpoint at most';
    return reject(
      walk,
      { code: 'conflicting-fields', message, remedy: 'set resolution to DNS' },
      'endpoints',
    );
  }
  return true;
}

function checkEndpoints({ endpoints, ports, resolution }: ServiceEntrySpec, walk: Walk): boolean {
  const names = new Set(ports.map(({ name }) => name));
  let isGood = true;
  for (const [index, endpoint] of endpoints.entries()) {
    for (const name of Object.keys(endpoint.ports)) {
      if (names.has(name)) continue;
      const message = `there is no port named "${name}"`;
      const remedy = `named ports: ${[...names].join(', ')}`;
      isGood = reject(
        walk,
        { code: 'unknown-reference', message, remedy },
        'endpoints',
        index,
        'ports',
        name,
      );
    }
    const complaint = checkAddress(endpoint.address, { resolution, ports: ports.length });
    if (complaint !== undefined) isGood = reject(walk, complaint, 'endpoints', index, 'address');
  }
  return isGood;
}

function checkAddress(
  address: string,
  { resolution, ports }: { resolution: Resolution; ports: number },
): Complaint | undefined {
  if (address === '' || isIpAddress(address)) return undefined;
  const code = 'invalid-address';
  if (!address.startsWith('unix:')) {
    if (resolution !== 'STATIC') return undefined;
    const message = `${quote(address)} is not an IP address, as resolution STATIC wants`;
    return { code, message, remedy: 'write an IP address, or set resolution to DNS' };
  }
  if (resolution !== 'STATIC') {
    return { code, message: 'a Unix socket needs resolution STATIC', remedy: 'set resolution to STATIC' };
  }
  if (ports === 1) return undefined;
  return { code, message: 'a Unix socket serves one port only', remedy: 'keep one port' };
}
