// Prints plans as one nft ruleset: a table per family, replaced as a whole, so applying it twice is applying it once.
import type { Family } from './capture-rules.ts';
import type { Chain, Match, Rule, Test, Verdict } from './plan.ts';

const tableFamily = { ipv4: 'ip', ipv6: 'ip6' } as const;

const hooks: Readonly<Record<string, string>> = {
  PREROUTING: 'type nat hook prerouting priority -100; policy accept;',
  OUTPUT: 'type nat hook output priority -100; policy accept;',
};

/** Input for `nft -f -`. */
export function printNftables(plans: readonly { family: Family; chains: readonly Chain[] }[]): string {
  return plans.map(({ family, chains }) => printTable(tableFamily[family], chains)).join('\n');
}

function printTable(family: 'ip' | 'ip6', chains: readonly Chain[]): string {
  const name = `table ${family} xebec`;
  const body = chains.map((chain) => printChain(family, chain)).join('\n');
  return `${name}\ndelete ${name}\n${name} {\n${body}\n}\n`;
}

function printChain(family: 'ip' | 'ip6', { name, rules }: Chain): string {
  const hook = hooks[name];
  const lines = [...(hook === undefined ? [] : [hook]), ...rules.map((rule) => printRule(family, rule))];
  return [`  chain ${name} {`, ...lines.map((line) => `    ${line}`), '  }'].join('\n');
}

function printRule(family: 'ip' | 'ip6', { match, verdict }: Rule): string {
  return [...printMatch(family, match), printVerdict(verdict)].join(' ');
}

function printMatch(family: 'ip' | 'ip6', match: Match): string[] {
  return [
    ...(match.outInterface === undefined ? [] : [`oifname "${match.outInterface}"`]),
    ...(match.source === undefined ? [] : [`${family} saddr ${match.source}`]),
    ...test(`${family} daddr`, match.destination),
    ...printProtocol(match),
    ...test('meta skuid', match.uid),
    ...test('meta skgid', match.gid),
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
  }
}

const bracket = (address: string): string => (address.includes(':') ? `[${address}]` : address);
