// Prints a plan as input of iptables-restore or ip6tables-restore: a change of our own chains, which leaves all others alone.
import { hooks, type Plan } from './plan.ts';
import type { Chain, Match, Rule, Test, Verdict } from './rule.ts';

/** What of ours is in one table of the kernel: chains with their rules, and the references to them. */
export interface InstalledTable {
  readonly table: string;
  readonly chains: readonly string[];
  /** Lines that add the rules of our chains, as the kernel shows them. */
  readonly rules: readonly string[];
  /** Lines that add the references of others' chains to ours. */
  readonly references: readonly string[];
}

const tables = ['nat', 'mangle'] as const;

/** Input for `iptables-restore --noflush` where nothing of ours is there. */
export const printIptables = (plan: Plan): string => printChange(describeTables(plan), []);

/** A plan in the words of iptables. */
export const describeTables = (plan: Plan): InstalledTable[] =>
  tables
    .filter((table) => plan[table].length > 0)
    .map((table) => ({
      table,
      chains: plan[table].map(({ name }) => name),
      rules: plan[table].flatMap(({ name, rules }) => rules.map((rule) => `-A ${name} ${printRule(rule)}`)),
      references: referencesOf(table, plan[table]),
    }));

const referencesOf = (table: 'nat' | 'mangle', chains: readonly Chain[]): string[] =>
  hooks
    .filter((hook) => hook.table === table && chains.some(({ name }) => name === hook.entrance))
    .map(({ at, entrance }) => `-A ${at} -j ${entrance}`);

/** Each table is replaced in one step, or not at all. Empty when there is nothing to do. */
export function printChange(wanted: readonly InstalledTable[], installed: readonly InstalledTable[]): string {
  const none = { chains: [], rules: [], references: [] };
  const names = [...new Set([...wanted, ...installed].map(({ table }) => table))];
  return names
    .map((table) => {
      const after = wanted.find((each) => each.table === table) ?? { table, ...none };
      const before = installed.find((each) => each.table === table) ?? { table, ...none };
      return printTable(after, before);
    })
    .join('');
}

function printTable(after: InstalledTable, before: InstalledTable): string {
  // To declare a chain makes it or empties it.
  const chains = [...new Set([...before.chains, ...after.chains])];
  if (chains.length === 0 && before.references.length === 0) return '';
  const lines = [
    `*${after.table}`,
    ...chains.map((name) => `:${name} - [0:0]`),
    ...before.references.map((line) => line.replace(/^-A/, '-D')),
    ...chains.filter((name) => !after.chains.includes(name)).map((name) => `-X ${name}`),
    ...after.rules,
    ...after.references,
    'COMMIT',
  ];
  return `${lines.join('\n')}\n`;
}

function printRule({ match, verdict }: Rule): string {
  return [...printMatch(match), printVerdict(verdict)].join(' ');
}

function printMatch(match: Match): string[] {
  const owners = [...test('--uid-owner', match.uid), ...test('--gid-owner', match.gid)];
  return [
    ...(match.inInterface === undefined ? [] : [`-i ${match.inInterface}`]),
    ...(match.outInterface === undefined ? [] : [`-o ${match.outInterface}`]),
    ...(match.source === undefined ? [] : [`-s ${match.source}`]),
    ...test('-d', match.destination),
    ...(match.protocol === undefined ? [] : [`-p ${match.protocol}`]),
    ...(match.destinationPort === undefined ? [] : [`-m ${match.protocol} --dport ${match.destinationPort}`]),
    ...(owners.length === 0 ? [] : ['-m owner', ...owners]),
    ...(match.mark === undefined ? [] : [`-m mark --mark ${match.mark}`]),
    ...(match.connectionMark === undefined ? [] : [`-m connmark --mark ${match.connectionMark}`]),
    ...(match.isNew === true ? ['-m conntrack --ctstate NEW'] : []),
    ...(match.isTransparent === true ? ['-m socket --transparent'] : []),
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
    case 'tproxy':
      return `-j TPROXY --on-port ${verdict.port} --tproxy-mark ${verdict.mark}`;
    case 'mark':
      return `-j MARK --set-mark ${verdict.mark}`;
    case 'save-mark':
      return '-j CONNMARK --save-mark';
    case 'restore-mark':
      return '-j CONNMARK --restore-mark';
  }
}

const bracket = (address: string): string => (address.includes(':') ? `[${address}]` : address);
