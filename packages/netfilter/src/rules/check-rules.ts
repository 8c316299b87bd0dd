// Checks every value that reaches a rule, so that no text can smuggle a rule in.
import { isIP } from 'node:net';
import type { Diagnostic } from '@xebec/std';
import { cidrFamily } from './address-family.ts';
import type { CaptureRules } from './capture-rules.ts';

const isPort = (value: number): boolean => Number.isInteger(value) && value >= 1 && value <= 65_535;
const isOwner = (value: number): boolean => Number.isInteger(value) && value >= 0 && value < 0xffff_ffff;

const isInterface = (value: string): boolean =>
  /^[a-zA-Z0-9_.-]{1,15}$/.test(value) && value !== '.' && value !== '..' && value !== 'lo';

function refusal(field: string, value: string | number, expected: string): Diagnostic {
  return {
    severity: 'error',
    code: 'invalid-capture-rule',
    field,
    message: `"${value}" is not ${expected}`,
    remedy: `write ${expected}`,
  };
}

/** What is wrong with the rules; empty when they can be rendered. */
export function checkRules(rules: CaptureRules): Diagnostic[] {
  const dns = rules.dnsCapture;
  const ports = {
    outboundPort: [rules.outboundPort],
    inboundPort: [rules.inboundPort],
    includeInboundPorts: rules.includeInboundPorts === '*' ? [] : rules.includeInboundPorts,
    excludeInboundPorts: rules.excludeInboundPorts,
    includeOutboundPorts: rules.includeOutboundPorts,
    excludeOutboundPorts: rules.excludeOutboundPorts,
    'dnsCapture.port': dns === undefined ? [] : [dns.port, dns.proxyPort ?? dns.port],
  };
  const cidrs = {
    excludeInboundSources: rules.excludeInboundSources,
    includeOutboundCidrs: rules.includeOutboundCidrs === '*' ? [] : rules.includeOutboundCidrs,
    excludeOutboundCidrs: rules.excludeOutboundCidrs,
    serviceNetworks: rules.serviceNetworks,
  };
  const owners = {
    proxyUid: [rules.proxyUid],
    proxyGid: [rules.proxyGid],
    excludeOutboundUids: rules.excludeOutboundUids,
    excludeOutboundGids: rules.excludeOutboundGids,
  };
  const interfaces = {
    excludeInterfaces: rules.excludeInterfaces,
    rerouteInterfaces: rules.rerouteInterfaces,
  };
  const addresses = {
    inboundUdpAddresses: rules.inboundUdpAddresses,
    'dnsCapture.addresses': dns?.addresses ?? [],
  };
  return [
    ...bad(ports, isPort, 'a port from 1 to 65535'),
    ...bad(cidrs, (cidr) => cidrFamily(cidr) !== undefined, 'an address or CIDR such as 10.0.0.0/8'),
    ...bad(owners, isOwner, 'a numeric user or group id'),
    ...bad(
      interfaces,
      isInterface,
      'the name of a network interface, at most 15 letters, digits, "-", "_" or "."',
    ),
    ...bad(addresses, (address) => isIP(address) !== 0, 'an IP address'),
    ...onePerFamily({
      'dnsCapture.addresses': dns?.addresses ?? [],
      inboundUdpAddresses: rules.inboundUdpAddresses,
    }),
  ];
}

function bad<T extends string | number>(
  fields: Readonly<Record<string, readonly T[]>>,
  isGood: (value: T) => boolean,
  expected: string,
): Diagnostic[] {
  return Object.entries(fields).flatMap(([field, values]) =>
    values.filter((value) => !isGood(value)).map((value) => refusal(field, value, expected)),
  );
}

function onePerFamily(fields: Readonly<Record<string, readonly string[]>>): Diagnostic[] {
  return Object.entries(fields)
    .filter(([, addresses]) => new Set(addresses.map(cidrFamily)).size < addresses.length)
    .map(([field, addresses]) => refusal(field, addresses.join(','), 'one address per family'));
}
