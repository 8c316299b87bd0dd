// Prints plans as one nft ruleset: a table per family, replaced as a whole, so applying it twice is applying it once.
import { hooks, type Plan } from './plan.ts';
import type { Chain, Match, Rule, Test, Verdict } from './rule.ts';

export const tableFamily = { ipv4: 'ip', ipv6: 'ip6' } as const;

/** Our table; nobody else's is ever touched. */
export const tableName = 'xebec';

/** As iptables has them. */
const kinds = {
  nat: { PREROUTING: 'nat hook prerouting priority -100', OUTPUT: 'nat hook output priority -100' },
  mangle: { PREROUTING: 'filter hook prerouting priority -150', OUTPUT: 'route hook output priority -150' },
} as const;

/** Input for `nft -f -`. */
export const printNftables = (plans: readonly Plan[]): string =>
  plans
    .map((plan) => {
      const name = `table ${tableFamily[plan.family]} ${tableName}`;
      return `${name}\ndelete ${name}\n${printTable(plan)}`;
    })
    .join('\n');

/** The text that makes our table of one family. */
export function printTable(plan: Plan): string {
  const family = tableFamily[plan.family];
  const body = [...plan.nat, ...plan.mangle].map((chain) => printChain(family, chain)).join('\n');
  return `table ${family} ${tableName} {\n${body}\n}\n`;
}

/** An entrance hangs on the kernel's hook itself. */
function hookOf(chain: string): string[] {
  const hook = hooks.find(({ entrance }) => entrance === chain);
  return hook === undefined ? [] : [`type ${kinds[hook.table][hook.at]}; policy accept;`];
}

function printChain(family: 'ip' | 'ip6', { name, rules }: Chain): string {
  const lines = [...hookOf(name), ...rules.flatMap((rule) => printRule(family, rule))];
  return [`  chain ${name} {`, ...lines.map((line) => `    ${line}`), '  }'].join('\n');
}

function printRule(family: 'ip' | 'ip6', { match, verdict }: Rule): string[] {
  const test = printMatch(family, match);
  const line = [...test, printVerdict(verdict)].join(' ');
  // Where nobody listens this language goes on to the next rule, the other one drops.
  return verdict.kind === 'tproxy' ? [line, [...test, 'drop'].join(' ')] : [line];
}

function printMatch(family: 'ip' | 'ip6', match: Match): string[] {
  return [
    ...(match.inInterface === undefined ? [] : [`iifname "${match.inInterface}"`]),
    ...(match.outInterface === undefined ? [] : [`oifname "${match.outInterface}"`]),
    ...(match.source === undefined ? [] : [`${family} saddr ${match.source}`]),
    ...test(`${family} daddr`, match.destination),
    ...printProtocol(match),
    ...test('meta skuid', match.uid),
    ...test('meta skgid', match.gid),
    ...(match.mark === undefined ? [] : [`meta mark ${match.mark}`]),
    ...(match.connectionMark === undefined ? [] : [`ct mark ${match.connectionMark}`]),
    ...(match.isNew === true ? ['ct state new'] : []),
    ...(match.isTransparent === true ? ['socket transparent 1'] : []),
  ];
}

function printProtocol({ protocol, destinationPort }: Match): string[] {
  if (protocol === undefined) return [];
  return [
    destinationPort === undefined ? `meta l4proto ${protocol}` : `${protocol} dport ${destinationPort}`,
  ];
}

function test(field: string, value: Test<string | number> | undefined): string[] {
  if (value === undefined) return [];
  return 'is' in value ? [`${field} ${value.is}`] : [`${field} != ${value.isNot}`];
}

function printVerdict(verdict: Verdict): string {
  switch (verdict.kind) {
    case 'return':
      return 'return';
    case 'jump':
      return `jump ${verdict.chain}`;
    case 'redirect':
      return `redirect to :${verdict.port}`;
    case 'dnat':
      return `dnat to ${bracket(verdict.address)}:${verdict.port}`;
    case 'raise':
      return `dnat to ${bracket(verdict.address ?? '')}:udp dport & 0xfff | 0xf000`;
    case 'tproxy':
      return `tproxy to :${verdict.port} meta mark set ${verdict.mark} return`;
    case 'mark':
      return `meta mark set ${verdict.mark}`;
    case 'save-mark':
      return 'ct mark set meta mark';
    case 'restore-mark':
      return 'meta mark set ct mark';
  }
}

const bracket = (address: string): string => (address.includes(':') ? `[${address}]` : address);
