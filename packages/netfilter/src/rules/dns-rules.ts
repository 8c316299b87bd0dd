// Queries of names go to the agent's resolver, over UDP and TCP, whatever server they were meant for.
import { cidrFamily } from './address-family.ts';
import type { CaptureRules, Family } from './capture-rules.ts';
import { giveBack, type Match, type Rule, rule, type Verdict } from './rule.ts';

const loopbackOf = { ipv4: '127.0.0.0/8', ipv6: '::1/128' } as const;

/** Empty when there is no resolver of this family. */
export function dnsRules({ dnsCapture, proxyUid, proxyGid }: CaptureRules, family: Family): Rule[] {
  const address = dnsCapture?.addresses.find((each) => cidrFamily(each) === family);
  if (dnsCapture === undefined || address === undefined) return [];
  const { port, proxyPort } = dnsCapture;
  const resolver = (at: number): Verdict => ({ kind: 'dnat', address, port: at });
  const proxysOwn = [{ uid: { is: proxyUid } }, { gid: { is: proxyGid } }];
  return [
    ...(proxyPort === undefined ? proxysOwn.map((owner) => rule(owner, giveBack)) : []),
    rule({ destination: { is: loopbackOf[family] } }, giveBack),
    rule({ outInterface: 'lo' }, giveBack),
    ...(['udp', 'tcp'] as const).flatMap((protocol) => {
      const query: Match = { protocol, destinationPort: 53 };
      return [
        ...(proxyPort === undefined ? [] : [rule({ ...query, uid: { is: proxyUid } }, resolver(proxyPort))]),
        rule(query, resolver(port)),
      ];
    }),
  ];
}
