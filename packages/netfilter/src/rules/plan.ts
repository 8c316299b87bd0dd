// The chains that carry out a description of capture; both back-ends print this one plan, so they behave alike.
import { type CaptureRules, cidrFamily, type DnsCapture, type Family } from './capture-rules.ts';

/** A condition that may be turned round. */
export type Test<T> = { readonly is: T } | { readonly isNot: T };

/** All that is given must hold. */
export interface Match {
  readonly protocol?: 'tcp' | 'udp';
  readonly outInterface?: string;
  readonly source?: string;
  readonly destination?: Test<string>;
  /** Only together with `protocol`. */
  readonly destinationPort?: number;
  readonly uid?: Test<number>;
  readonly gid?: Test<number>;
}

export type Verdict =
  | { readonly kind: 'return' }
  | { readonly kind: 'jump'; readonly chain: string }
  | { readonly kind: 'redirect'; readonly port: number }
  | { readonly kind: 'dnat'; readonly address: string; readonly port: number }
  /** To the number in 61440–65535 that has the same last twelve bits; without an address to the one that is meant. */
  | { readonly kind: 'raise'; readonly address?: string };

export interface Rule {
  readonly match: Match;
  readonly verdict: Verdict;
}

/** `PREROUTING` and `OUTPUT` are the kernel's, the others ours. */
export interface Chain {
  readonly name: string;
  readonly rules: readonly Rule[];
}

const giveBack: Verdict = { kind: 'return' };
const toChain = (chain: string): Verdict => ({ kind: 'jump', chain });
const rule = (match: Match, verdict: Verdict): Rule => ({ match, verdict });

const loopbackOf = { ipv4: '127.0.0.1/32', ipv6: '::1/128' } as const;
/** From this source the inbound proxy talks to its application. */
const inboundSourceOf = { ipv4: '127.0.0.6/32', ipv6: '::6/128' } as const;

/** The NAT chains of one address family, in the order in which they refer to each other. */
export function planChains(rules: CaptureRules, family: Family): Chain[] {
  const dns = rules.dnsCapture;
  const hasDns = dns !== undefined && cidrFamily(dns.address) === family;
  const chains: Chain[] = [
    {
      name: 'ISTIO_REDIRECT',
      rules: [rule({ protocol: 'tcp' }, { kind: 'redirect', port: rules.outboundPort })],
    },
    {
      name: 'ISTIO_IN_REDIRECT',
      rules: [rule({ protocol: 'tcp' }, { kind: 'redirect', port: rules.inboundPort })],
    },
    { name: 'ISTIO_INBOUND', rules: inboundRules(rules, family) },
    { name: 'ISTIO_OUTPUT', rules: outboundRules(rules, family) },
  ];
  const hasUdp = cidrFamily(rules.inboundUdpAddress) === family;
  if (hasUdp) chains.push({ name: 'XEBEC_INBOUND_UDP', rules: inboundUdpRules(rules, family) });
  const inUdp = hasUdp ? [rule({ protocol: 'udp' }, toChain('XEBEC_INBOUND_UDP'))] : [];
  if (hasDns) chains.push({ name: 'ISTIO_OUTPUT_DNS', rules: dnsRules(rules, dns, family) });
  const toServices = ofFamily([rules.serviceNetwork], family).map((services) =>
    rule({ protocol: 'udp', destination: { is: services } }, { kind: 'raise' }),
  );
  const toDns = hasDns ? [rule({}, toChain('ISTIO_OUTPUT_DNS'))] : [];
  chains.push(
    { name: 'PREROUTING', rules: [rule({ protocol: 'tcp' }, toChain('ISTIO_INBOUND')), ...inUdp] },
    {
      name: 'OUTPUT',
      rules: [...toDns, rule({ protocol: 'tcp' }, toChain('ISTIO_OUTPUT')), ...toServices],
    },
  );
  return chains;
}

function inboundRules(rules: CaptureRules, family: Family): Rule[] {
  const capture = toChain('ISTIO_IN_REDIRECT');
  const onPort = (port: number): Match => ({ protocol: 'tcp', destinationPort: port });
  return [
    ...ofFamily(rules.excludeInboundSources, family).map((source) => rule({ source }, giveBack)),
    ...rules.excludeInboundPorts.map((port) => rule(onPort(port), giveBack)),
    ...(rules.includeInboundPorts === '*'
      ? [rule({ protocol: 'tcp' }, capture)]
      : rules.includeInboundPorts.map((port) => rule(onPort(port), capture))),
  ];
}

const multicastOf = { ipv4: '224.0.0.0/4', ipv6: 'ff00::/8' } as const;

/** Answers to what the workload asked for are not seen here: translation looks at the first datagram of a flow only. */
function inboundUdpRules(rules: CaptureRules, family: Family): Rule[] {
  const capture: Verdict = { kind: 'raise', address: rules.inboundUdpAddress };
  const onPort = (port: number): Match => ({ protocol: 'udp', destinationPort: port });
  return [
    // Nobody else may speak to the listeners that are the workload's own way out.
    ...ofFamily([rules.serviceNetwork], family).map((services) =>
      rule({ protocol: 'udp', destination: { is: services } }, capture),
    ),
    rule({ destination: { is: multicastOf[family] } }, giveBack),
    ...ofFamily(rules.excludeInboundSources, family).map((source) => rule({ source }, giveBack)),
    ...rules.excludeInboundPorts.map((port) => rule(onPort(port), giveBack)),
    ...(rules.includeInboundPorts === '*'
      ? [rule({ protocol: 'udp' }, capture)]
      : rules.includeInboundPorts.map((port) => rule(onPort(port), capture))),
  ];
}

function outboundRules(rules: CaptureRules, family: Family): Rule[] {
  const returnPort = (port: number): Rule => rule({ protocol: 'tcp', destinationPort: port }, giveBack);
  const capture = toChain('ISTIO_REDIRECT');
  return [
    rule({ outInterface: 'lo', source: inboundSourceOf[family] }, giveBack),
    ...proxyRules(rules, 'uid', family),
    ...proxyRules(rules, 'gid', family),
    ...rules.excludeOutboundUids.map((uid) => rule({ uid: { is: uid } }, giveBack)),
    ...rules.excludeOutboundGids.map((gid) => rule({ gid: { is: gid } }, giveBack)),
    ...rules.excludeOutboundPorts.map(returnPort),
    rule({ destination: { is: loopbackOf[family] } }, giveBack),
    ...ofFamily(rules.excludeOutboundCidrs, family).map((cidr) =>
      rule({ destination: { is: cidr } }, giveBack),
    ),
    ...rules.includeOutboundPorts.map((port) => rule({ protocol: 'tcp', destinationPort: port }, capture)),
    ...(rules.includeOutboundCidrs === '*'
      ? [rule({}, capture)]
      : ofFamily(rules.includeOutboundCidrs, family).map((cidr) =>
          rule({ destination: { is: cidr } }, capture),
        )),
  ];
}

/** The proxy calling its own workload goes through inbound; an application calling itself, but no service, through nothing. */
function proxyRules(rules: CaptureRules, owner: 'uid' | 'gid', family: Family): Rule[] {
  const id = owner === 'uid' ? rules.proxyUid : rules.proxyGid;
  const [services] = ofFamily([rules.serviceNetwork], family);
  const toOthers = services === undefined ? {} : { destination: { isNot: services } };
  const toSelf: Match = {
    protocol: 'tcp',
    outInterface: 'lo',
    destination: { isNot: loopbackOf[family] },
    [owner]: { is: id },
  };
  return [
    rule(toSelf, toChain('ISTIO_IN_REDIRECT')),
    rule({ outInterface: 'lo', ...toOthers, [owner]: { isNot: id } }, giveBack),
    rule({ [owner]: { is: id } }, giveBack),
  ];
}

function dnsRules(rules: CaptureRules, dns: DnsCapture, family: Family): Rule[] {
  const server = (port: number): Verdict => ({ kind: 'dnat', address: dns.address, port });
  const own = family === 'ipv4' ? '127.0.0.0/8' : '::1/128';
  const perProtocol = (['udp', 'tcp'] as const).flatMap((protocol) => {
    const query: Match = { protocol, destinationPort: 53 };
    return [
      ...(dns.proxyPort === undefined
        ? []
        : [rule({ ...query, uid: { is: rules.proxyUid } }, server(dns.proxyPort))]),
      rule(query, server(dns.port)),
    ];
  });
  const toThisWorkload = [
    rule({ destination: { is: own } }, giveBack),
    rule({ outInterface: 'lo' }, giveBack),
  ];
  return [...toThisWorkload, ...perProtocol];
}

const ofFamily = (cidrs: readonly string[], family: Family): string[] =>
  cidrs.filter((cidr) => cidrFamily(cidr) === family);
