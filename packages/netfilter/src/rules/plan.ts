// The chains that carry out a description of capture; both back-ends print this one plan, so they behave alike.
import { ofFamily } from './address-family.ts';
import { type CaptureRules, type Family, proxyMark } from './capture-rules.ts';
import { dnsRules } from './dns-rules.ts';
import { inboundRules, inboundUdpRules, toProxyRules } from './inbound-rules.ts';
import { outboundRules, ownMarkRules, reroutedRules } from './outbound-rules.ts';
import { type Chain, giveBack, type Rule, rule, toChain, type Verdict } from './rule.ts';

/** One place in the kernel where packets are looked at: our entrance there, and the chains behind it. */
export interface Hook {
  readonly table: 'nat' | 'mangle';
  readonly at: 'PREROUTING' | 'OUTPUT';
  /** The one chain that the kernel's own chain refers to. */
  readonly entrance: string;
}

export const hooks: readonly Hook[] = [
  { table: 'nat', at: 'PREROUTING', entrance: 'XEBEC_PREROUTING' },
  { table: 'nat', at: 'OUTPUT', entrance: 'XEBEC_OUTPUT' },
  { table: 'mangle', at: 'PREROUTING', entrance: 'XEBEC_MARK_IN' },
  { table: 'mangle', at: 'OUTPUT', entrance: 'XEBEC_MARK_OUT' },
];

/** What the names of all our chains begin with: nobody else's is ever touched. */
export const chainPrefix = 'XEBEC_';

export interface Plan {
  readonly family: Family;
  readonly nat: readonly Chain[];
  /** Empty unless packets are marked. */
  readonly mangle: readonly Chain[];
}

/** The chains of one address family, in the order in which they refer to each other. */
export function planCapture(rules: CaptureRules, family: Family): Plan {
  const isTransparent = rules.interception === 'TPROXY';
  return { family, nat: natChains(rules, family), mangle: isTransparent ? markChains(rules, family) : [] };
}

function natChains(rules: CaptureRules, family: Family): Chain[] {
  const redirect = (name: string, port: number): Chain => ({
    name,
    rules: [rule({ protocol: 'tcp' }, { kind: 'redirect', port })],
  });
  const dns = dnsRules(rules, family);
  const captured = rules.interception === 'NONE' ? [] : capturedChains(rules, family);
  const has = (name: string): boolean => captured.some((chain) => chain.name === name);
  const jump = (name: string, protocol: 'tcp' | 'udp'): Rule[] =>
    has(name) ? [rule({ protocol }, toChain(name))] : [];
  return [
    ...(rules.interception === 'NONE'
      ? []
      : [redirect('XEBEC_REDIRECT', rules.outboundPort), redirect('XEBEC_IN_REDIRECT', rules.inboundPort)]),
    ...captured,
    ...(dns.length === 0 ? [] : [{ name: 'XEBEC_DNS', rules: dns }]),
    {
      name: 'XEBEC_PREROUTING',
      rules: [
        ...leftAlone(rules, 'inInterface'),
        ...rules.rerouteInterfaces.flatMap((inInterface) => [
          ...(has('XEBEC_REROUTE') ? [rule({ inInterface, protocol: 'tcp' }, toChain('XEBEC_REROUTE'))] : []),
          rule({ inInterface }, giveBack),
        ]),
        ...jump('XEBEC_INBOUND', 'tcp'),
        ...jump('XEBEC_INBOUND_UDP', 'udp'),
      ],
    },
    {
      name: 'XEBEC_OUTPUT',
      rules: [
        ...leftAlone(rules, 'outInterface'),
        ...(dns.length === 0 ? [] : [rule({}, toChain('XEBEC_DNS'))]),
        ...jump('XEBEC_OUTBOUND', 'tcp'),
        ...(rules.interception === 'NONE' ? [] : toServiceRules(rules, family)),
      ],
    },
  ];
}

const leftAlone = (rules: CaptureRules, side: 'inInterface' | 'outInterface'): Rule[] =>
  rules.excludeInterfaces.map((name) => rule({ [side]: name }, giveBack));

function capturedChains(rules: CaptureRules, family: Family): Chain[] {
  const udp = inboundUdpRules(rules, family);
  return [
    ...(rules.interception === 'REDIRECT'
      ? [{ name: 'XEBEC_INBOUND', rules: inboundRules(rules, family, toChain('XEBEC_IN_REDIRECT')) }]
      : []),
    { name: 'XEBEC_OUTBOUND', rules: outboundRules(rules, family) },
    ...(rules.rerouteInterfaces.length === 0
      ? []
      : [{ name: 'XEBEC_REROUTE', rules: reroutedRules(rules, family) }]),
    ...(udp.length === 0 ? [] : [{ name: 'XEBEC_INBOUND_UDP', rules: udp }]),
  ];
}

const toServiceRules = ({ serviceNetworks }: CaptureRules, family: Family): Rule[] =>
  ofFamily(serviceNetworks, family).map((services) =>
    rule({ protocol: 'udp', destination: { is: services } }, { kind: 'raise' }),
  );

/** What a program of this machine sends to itself comes in by `lo`, and is no inbound traffic. */
function markChains(rules: CaptureRules, family: Family): Chain[] {
  const elsewhere = ['lo', ...rules.excludeInterfaces, ...rules.rerouteInterfaces];
  const toProxy: Verdict = { kind: 'tproxy', port: rules.inboundPort, mark: proxyMark };
  return [
    { name: 'XEBEC_TPROXY', rules: toProxyRules(rules, family, toProxy) },
    {
      name: 'XEBEC_MARK_IN',
      rules: [
        ...elsewhere.map((inInterface) => rule({ inInterface }, giveBack)),
        rule({ protocol: 'tcp' }, toChain('XEBEC_TPROXY')),
      ],
    },
    { name: 'XEBEC_MARK_OUT', rules: ownMarkRules() },
  ];
}
