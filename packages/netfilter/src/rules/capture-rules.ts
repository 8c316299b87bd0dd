// What to capture, as data; every value that reaches a rule is checked here first, so no text can smuggle a rule in.
import { isIP } from 'node:net';
import type { Diagnostic } from '@xebec/std';

/** Where DNS queries of the workload go instead. */
export interface DnsCapture {
  readonly address: string;
  /** For every program but the proxy. */
  readonly port: number;
  /** For the proxy, which needs the real addresses of external hosts; left out: as everyone. */
  readonly proxyPort?: number;
}

/** Capture of one workload's traffic, with the meaning of Istio's settings of the same names. */
export interface CaptureRules {
  readonly outboundPort: number;
  readonly inboundPort: number;
  /** Programs of this user and group are the proxy: their traffic is not captured again. */
  readonly proxyUid: number;
  readonly proxyGid: number;
  readonly includeInboundPorts: '*' | readonly number[];
  readonly excludeInboundPorts: readonly number[];
  /** Sources whose connections reach the application directly (probes of the node's agent). */
  readonly excludeInboundSources: readonly string[];
  readonly includeOutboundCidrs: '*' | readonly string[];
  readonly excludeOutboundCidrs: readonly string[];
  /** Captured whatever their destination address is. */
  readonly includeOutboundPorts: readonly number[];
  readonly excludeOutboundPorts: readonly number[];
  readonly excludeOutboundUids: readonly number[];
  readonly excludeOutboundGids: readonly number[];
  readonly dnsCapture?: DnsCapture;
  /**
   * Addresses of services. They are the workload's own (`local` in its network), so that its proxy can take their
   * datagrams by listening at them, at port numbers that applications do not use; connections to them are captured
   * like any other.
   */
  readonly serviceNetwork: string;
  /**
   * Where the proxy takes datagrams that others send to the workload. The address is of no other use, and local
   * because it lies in the network of services.
   */
  readonly inboundUdpAddress: string;
}

/** The block that services have their addresses of; reserved, so that nobody else is reached by one. */
export const serviceNetwork = '240.0.0.0/4';

/** The user and group that proxies run as. */
export const proxyUid = 1337;

/** Istio's defaults: everything but the proxy's own ports. */
export const defaultRules: CaptureRules = {
  outboundPort: 15001,
  inboundPort: 15006,
  proxyUid,
  proxyGid: proxyUid,
  includeInboundPorts: '*',
  excludeInboundPorts: [15000, 15020, 15021, 15090],
  excludeInboundSources: [],
  includeOutboundCidrs: '*',
  excludeOutboundCidrs: [],
  includeOutboundPorts: [],
  excludeOutboundPorts: [],
  excludeOutboundUids: [],
  excludeOutboundGids: [],
  serviceNetwork,
  inboundUdpAddress: '255.0.0.6',
};

export type Family = 'ipv4' | 'ipv6';

/** The family of an address or CIDR, or undefined when it is neither. */
export function cidrFamily(text: string): Family | undefined {
  const [address = '', bits, ...rest] = text.split('/');
  const version = isIP(address);
  if (version === 0 || rest.length > 0 || address.includes('%')) return undefined;
  if (bits !== undefined && !(/^\d{1,3}$/.test(bits) && Number(bits) <= (version === 4 ? 32 : 128)))
    return undefined;
  return version === 4 ? 'ipv4' : 'ipv6';
}

const isPort = (value: number): boolean => Number.isInteger(value) && value >= 1 && value <= 65_535;
const isOwner = (value: number): boolean => Number.isInteger(value) && value >= 0 && value < 0xffff_ffff;

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
    dnsCapture: dns === undefined ? [] : [dns.port, dns.proxyPort ?? dns.port],
  };
  const cidrs = {
    excludeInboundSources: rules.excludeInboundSources,
    includeOutboundCidrs: rules.includeOutboundCidrs === '*' ? [] : rules.includeOutboundCidrs,
    excludeOutboundCidrs: rules.excludeOutboundCidrs,
    serviceNetwork: [rules.serviceNetwork],
  };
  const owners = {
    proxyUid: [rules.proxyUid],
    proxyGid: [rules.proxyGid],
    excludeOutboundUids: rules.excludeOutboundUids,
    excludeOutboundGids: rules.excludeOutboundGids,
  };
  return [
    ...bad(ports, isPort, 'a port from 1 to 65535'),
    ...bad(cidrs, (cidr) => cidrFamily(cidr) !== undefined, 'an address or CIDR such as 10.0.0.0/8'),
    ...bad(owners, isOwner, 'a numeric user or group id'),
    ...(isIP(rules.inboundUdpAddress) === 0
      ? [refusal('inboundUdpAddress', rules.inboundUdpAddress, 'an IP address')]
      : []),
    ...(dns !== undefined && isIP(dns.address) === 0
      ? [refusal('dnsCapture.address', dns.address, 'an IP address')]
      : []),
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
