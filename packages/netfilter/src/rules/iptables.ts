// Prints a plan as input of iptables-restore or ip6tables-restore: the nat table only, appended to what is there.
import type { Chain, Match, Rule, Test, Verdict } from './plan.ts';

const builtIn = new Set(['PREROUTING', 'OUTPUT']);

/** Input for `iptables-restore --noflush`. */
export function printIptables(chains: readonly Chain[]): string {
  const declared = chains.filter((chain) => !builtIn.has(chain.name)).map(({ name }) => `:${name} - [0:0]`);
  const appended = chains.flatMap(({ name, rules }) => rules.map((rule) => `-A ${name} ${printRule(rule)}`));
  return `${['*nat', ...declared, ...appended, 'COMMIT'].join('\n')}\n`;
}

function printRule({ match, verdict }: Rule): string {
  return [...printMatch(match), printVerdict(verdict)].join(' ');
}

function printMatch(match: Match): string[] {
  const owners = [...test('--uid-owner', match.uid), ...test('--gid-owner', match.gid)];
  return [
    ...(match.outInterface === undefined ? [] : [`-o ${match.outInterface}`]),
    ...(match.source === undefined ? [] : [`-s ${match.source}`]),
    ...test('-d', match.destination),
    ...(match.protocol === undefined ? [] : [`-p ${match.protocol}`]),
    ...(match.destinationPort === undefined ? [] : [`-m ${match.protocol} --dport ${match.destinationPort}`]),
    ...(owners.length === 0 ? [] : ['-m owner', ...owners]),
  ];
}

function test(flag: string, value: Test<string | number> | undefined): string[] {
  if (value === undefined) return [];
  return 'is' in value ? [`${flag} ${value.is}`] : [`! ${flag} ${value.isNot}`];
}

function printVerdict(verdict: Verdict): string {
  switch (verdict.kind) {
    case 'return':
      return '-j RETURN';
    case 'jump':
      return `-j ${verdict.chain}`;
    case 'redirect':
      return `-j REDIRECT --to-ports ${verdict.port}`;
    case 'dnat':
      return `-j DNAT --to-destination ${bracket(verdict.address)}:${verdict.port}`;
    case 'raise':
      // Numbers are counted from a multiple of 4096, so that the range repeats the last twelve bits of each.
      return `-j DNAT --to-destination ${bracket(verdict.address ?? '')}:61440-65535/61440`;
  }
}

const bracket = (address: string): string => (address.includes(':') ? `[${address}]` : address);
