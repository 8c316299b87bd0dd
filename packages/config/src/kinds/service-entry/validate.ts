// What must hold between the fields of a ServiceEntry: its resolution says which endpoints it can have.
import { quote } from '../../decode/decoder.ts';
import { type Complaint, refuse, type Walk } from '../../decode/walk.ts';
import { isIpAddress } from '../../values/address.ts';
import { networkOf } from '../../values/subnet.ts';
import type { ServiceEntrySpec } from './spec.ts';

type Resolution = ServiceEntrySpec['resolution'];

/** What the fields of `spec` say; the label beside them is read on its own. */
type Written = Omit<ServiceEntrySpec, 'isAllocated'>;

const allocationLabel = 'networking.istio.io/enable-autoallocate-ip';

/** Whether hosts without an address get one; they do unless the label says otherwise. */
export function checkAllocation(walk: Walk): boolean | undefined {
  const label = walk.metadata.labels[allocationLabel] ?? 'true';
  if (label === 'true' || label === 'false') return label === 'true';
  const message = `${quote(label)} is neither true nor false`;
  const complaint = { code: 'unknown-value', message, remedy: 'write "true" or "false"' };
  return refuse(walk, complaint, 'metadata', 'labels', allocationLabel);
}

export function checkServiceEntry(spec: Written, walk: Walk): Written | undefined {
  const checks = [checkHosts, checkAddresses, checkPorts, checkSources, checkEndpoints, checkDynamic];
  let isGood = true;
  for (const check of checks) if (!check(spec, walk)) isGood = false;
  return isGood ? spec : undefined;
}

function reject(walk: Walk, complaint: Complaint, ...under: readonly (string | number)[]): false {
  refuse(walk, complaint, ...under);
  return false;
}

function checkHosts({ hosts, resolution }: Written, walk: Walk): boolean {
  const seen = new Set<string>();
  let isGood = true;
  for (const [index, host] of hosts.entries()) {
    const place = ['hosts', index] as const;
    if (seen.has(host)) {
      const message = `"${host}" is listed twice`;
      isGood = reject(walk, { code: 'duplicate', message, remedy: 'list it once' }, ...place);
    }
    seen.add(host);
    if (host.startsWith('*.') && (resolution === 'DNS' || resolution === 'DNS_ROUND_ROBIN')) {
      const message = `DNS cannot resolve ${quote(host)}`;
      const remedy = 'name the host, or use resolution DYNAMIC_DNS';
      isGood = reject(walk, { code: 'invalid-host', message, remedy }, ...place);
    }
  }
  return isGood;
}

/** An address twice would be two virtual hosts of one domain, and two listeners of one address. */
function checkAddresses({ addresses }: Written, walk: Walk): boolean {
  const seen = new Set<string>();
  let isGood = true;
  for (const [index, address] of addresses.entries()) {
    const network = networkOf(address);
    if (seen.has(network)) {
      const message = `${quote(address)} is listed twice`;
      isGood = reject(walk, { code: 'duplicate', message, remedy: 'list it once' }, 'addresses', index);
    }
    seen.add(network);
  }
  return isGood;
}

function checkPorts({ ports }: Written, walk: Walk): boolean {
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

/** DYNAMIC_DNS takes the name from each request, so the request must carry one, and nothing else names it. */
function checkDynamic({ hosts, ports, resolution, ...spec }: Written, walk: Walk): boolean {
  if (resolution !== 'DYNAMIC_DNS') return true;
  let isGood = true;
  for (const [index, host] of hosts.entries()) {
    if (host.startsWith('*.')) continue;
    const message = `DYNAMIC_DNS is for wildcard hosts, and ${quote(host)} is none`;
    const remedy = 'write a host such as *.example.com, or use resolution DNS';
    isGood = reject(walk, { code: 'invalid-host', message, remedy }, 'hosts', index);
  }
  for (const [index, { protocol, name }] of ports.entries()) {
    if (dynamicProtocols.has(protocol)) continue;
    const message = `port "${name}" speaks ${protocol}, which does not say what host it wants, as DYNAMIC_DNS needs`;
    const remedy = 'use HTTP, HTTP2, GRPC, HTTPS or TLS, or use resolution NONE';
    isGood = reject(walk, { code: 'conflicting-fields', message, remedy }, 'ports', index, 'protocol');
  }
  for (const field of ['endpoints', 'workloadSelector', 'addresses'] as const) {
    const value = spec[field];
    if (value === undefined || (Array.isArray(value) && value.length === 0)) continue;
    const message = `DYNAMIC_DNS takes no ${field}: every request names its own host`;
    const remedy = `remove ${field}, or set another resolution`;
    isGood = reject(walk, { code: 'conflicting-fields', message, remedy }, field);
  }
  return isGood;
}

const dynamicProtocols: ReadonlySet<string> = new Set(['http', 'http2', 'grpc', 'grpc-web', 'https', 'tls']);

/** Where endpoints come from: a list, a selector, DNS, or nowhere. */
function checkSources(spec: Written, walk: Walk): boolean {
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

function checkEndpoints({ endpoints, ports, resolution }: Written, walk: Walk): boolean {
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
  if (isIpAddress(address)) return undefined;
  const code = 'invalid-address';
  if (address === '') {
    if (resolution === 'STATIC') return undefined;
    const message = 'an endpoint behind the gateways of its network has no name to resolve';
    return { code, message, remedy: 'set resolution to STATIC, or write an address' };
  }
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
