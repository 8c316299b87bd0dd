// What becomes of connections and datagrams that others send to the workload.
import { ofFamily } from './address-family.ts';
import { type CaptureRules, type Family, proxyMark } from './capture-rules.ts';
import { giveBack, type Match, type Rule, rule, type Verdict } from './rule.ts';

/** Connections, under either way of capturing them. */
export function inboundRules(rules: CaptureRules, family: Family, capture: Verdict): Rule[] {
  return onPorts(rules, family, { protocol: 'tcp', capture });
}

/**
 * Only what begins a connection is given to the listener: answers to what the workload asked for belong to sockets of
 * others. What follows finds its socket by itself, wherever it was addressed to, once it is marked.
 */
export function toProxyRules(rules: CaptureRules, family: Family, capture: Verdict): Rule[] {
  const following = rule({ protocol: 'tcp', isTransparent: true }, { kind: 'mark', mark: proxyMark });
  const beginning = onPorts(rules, family, { protocol: 'tcp', capture });
  return [
    following,
    ...beginning.map(({ match, verdict }) =>
      rule(verdict === capture ? { ...match, isNew: true } : match, verdict),
    ),
  ];
}

const multicastOf = { ipv4: '224.0.0.0/4', ipv6: 'ff00::/8' } as const;

/** Answers to what the workload asked for are not seen here: translation looks at the first datagram of a flow only. */
export function inboundUdpRules(rules: CaptureRules, family: Family): Rule[] {
  const [address] = ofFamily(rules.inboundUdpAddresses, family);
  if (address === undefined) return [];
  const capture: Verdict = { kind: 'raise', address };
  return [
    // Nobody else may speak to the listeners that are the workload's own way out.
    ...ofFamily(rules.serviceNetworks, family).map((services) =>
      rule({ protocol: 'udp', destination: { is: services } }, capture),
    ),
    rule({ destination: { is: multicastOf[family] } }, giveBack),
    ...onPorts(rules, family, { protocol: 'udp', capture }),
  ];
}

interface Captured {
  readonly protocol: 'tcp' | 'udp';
  readonly capture: Verdict;
}

function onPorts(rules: CaptureRules, family: Family, { protocol, capture }: Captured): Rule[] {
  const onPort = (port: number): Match => ({ protocol, destinationPort: port });
  return [
    ...ofFamily(rules.excludeInboundSources, family).map((source) => rule({ source }, giveBack)),
    ...rules.excludeInboundPorts.map((port) => rule(onPort(port), giveBack)),
    ...(rules.includeInboundPorts === '*'
      ? [rule({ protocol }, capture)]
      : rules.includeInboundPorts.map((port) => rule(onPort(port), capture))),
  ];
}
