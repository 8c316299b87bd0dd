// What becomes of connections that the workload's programs make, and of those that a virtual machine makes through it.
import { ofFamily } from './address-family.ts';
import { type CaptureRules, type Family, proxyMark } from './capture-rules.ts';
import { giveBack, type Match, type Rule, rule, toChain } from './rule.ts';

const loopbackOf = { ipv4: '127.0.0.1/32', ipv6: '::1/128' } as const;
/** From this source the inbound proxy talks to its application. */
const inboundSourceOf = { ipv4: '127.0.0.6/32', ipv6: '::6/128' } as const;

export function outboundRules(rules: CaptureRules, family: Family): Rule[] {
  return [
    // The proxy talks to its application from the client's address.
    ...(rules.interception === 'TPROXY' ? [rule({ protocol: 'tcp', mark: proxyMark }, giveBack)] : []),
    rule({ outInterface: 'lo', source: inboundSourceOf[family] }, giveBack),
    ...proxyRules(rules, 'uid', family),
    ...proxyRules(rules, 'gid', family),
    ...rules.excludeOutboundUids.map((uid) => rule({ uid: { is: uid } }, giveBack)),
    ...rules.excludeOutboundGids.map((gid) => rule({ gid: { is: gid } }, giveBack)),
    ...byDestination(rules, family),
  ];
}

/** A machine behind an interface has no users here: destinations decide. */
export const reroutedRules = (rules: CaptureRules, family: Family): Rule[] => byDestination(rules, family);

function byDestination(rules: CaptureRules, family: Family): Rule[] {
  const onPort = (port: number): Match => ({ protocol: 'tcp', destinationPort: port });
  const to = (block: string): Match => ({ destination: { is: block } });
  const capture = toChain('XEBEC_REDIRECT');
  return [
    ...rules.excludeOutboundPorts.map((port) => rule(onPort(port), giveBack)),
    rule(to(loopbackOf[family]), giveBack),
    ...ofFamily(rules.excludeOutboundCidrs, family).map((block) => rule(to(block), giveBack)),
    ...rules.includeOutboundPorts.map((port) => rule(onPort(port), capture)),
    ...(rules.includeOutboundCidrs === '*'
      ? [rule({}, capture)]
      : ofFamily(rules.includeOutboundCidrs, family).map((block) => rule(to(block), capture))),
  ];
}

/** The proxy calling its own workload goes through inbound; an application calling itself, but no service, through nothing. */
function proxyRules(rules: CaptureRules, owner: 'uid' | 'gid', family: Family): Rule[] {
  const id = owner === 'uid' ? rules.proxyUid : rules.proxyGid;
  const [services] = ofFamily(rules.serviceNetworks, family);
  const toOthers = services === undefined ? {} : { destination: { isNot: services } };
  const toSelf: Match = {
    protocol: 'tcp',
    outInterface: 'lo',
    destination: { isNot: loopbackOf[family] },
    [owner]: { is: id },
  };
  return [
    rule(toSelf, toChain('XEBEC_IN_REDIRECT')),
    rule({ outInterface: 'lo', ...toOthers, [owner]: { isNot: id } }, giveBack),
    rule({ [owner]: { is: id } }, giveBack),
  ];
}

/**
 * The application answers to the client's address, which is elsewhere: the mark that the proxy's packets carry is kept
 * with the connection and put on the answers, and marked packets are routed to this machine itself.
 */
export const ownMarkRules = (): Rule[] => [
  rule({ protocol: 'tcp', mark: proxyMark }, { kind: 'save-mark' }),
  rule({ protocol: 'tcp', connectionMark: proxyMark }, { kind: 'restore-mark' }),
];
