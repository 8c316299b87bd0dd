// What of ours is in force, in either back-end's words; reading it changes nothing and shows nobody else's rules.
import type { RunCommand } from '../commands/run.ts';
import { ofFamily } from '../rules/address-family.ts';
import { type CaptureRules, type Family, proxyMark, proxyTable } from '../rules/capture-rules.ts';
import { describeTables, type InstalledTable } from '../rules/iptables.ts';
import { printTable, tableFamily, tableName } from '../rules/nftables.ts';
import { chainPrefix, planCapture } from '../rules/plan.ts';
import type { Backend } from '../rules/render.ts';
import { type PlannedRoute, planRoutes, routeProtocol } from '../rules/routes.ts';

/** Of one family. */
export interface Situation {
  readonly iptables: readonly InstalledTable[];
  /** Our whole table as text that makes it. */
  readonly nftables?: string;
  /** What follows `add` or `delete` in commands of `ip`, with `route` or `rule` before. */
  readonly routes: readonly Route[];
}

export type Route = PlannedRoute;

export const nothing: Situation = { iptables: [], routes: [] };

/** What the rules ask for. */
export function wantedSituation(rules: CaptureRules, backend: Backend, family: Family): Situation {
  const plan = planCapture(rules, family);
  const services = ofFamily(rules.serviceNetworks, family);
  const routes: Route[] = [
    ...planRoutes(rules, family),
    ...(rules.interception === 'NONE' ? [] : services).map(serviceRoute),
  ];
  return backend === 'iptables'
    ? { iptables: describeTables(plan), routes }
    : { iptables: [], nftables: printTable(plan), routes };
}

/** Datagrams for services stay on this machine. */
const serviceRoute = (block: string): Route => ({
  object: 'route',
  selector: `local ${block} dev lo table local proto ${routeProtocol}`,
});

/** Programs that are installed, by their full paths. */
export interface InstallPrograms {
  readonly ip?: string;
  readonly nft?: string;
  readonly save: Readonly<Partial<Record<Family, string>>>;
}

/** What is in force now. A program that is missing or refuses has nothing of ours in it. */
export async function readSituation(
  programs: InstallPrograms,
  family: Family,
  run: RunCommand,
): Promise<Situation> {
  const read = async (program: string | undefined, ...flags: string[]): Promise<string> => {
    if (program === undefined) return '';
    const { code, output } = await run([program, ...flags]);
    return code === 0 ? output : '';
  };
  const version = family === 'ipv4' ? '-4' : '-6';
  const listed = (...flags: string[]): Promise<string> => read(programs.ip, version, ...flags);
  const own = ['proto', String(routeProtocol)];
  const nftables = await read(programs.nft, 'list', 'table', tableFamily[family], tableName);
  return {
    iptables: parseSaved(await read(programs.save[family])),
    ...(nftables === '' ? {} : { nftables }),
    routes: [
      ...readRule(await listed('rule', 'show')),
      ...readRoutes(await listed('route', 'show', 'table', String(proxyTable), ...own), String(proxyTable)),
      ...readRoutes(await listed('route', 'show', 'table', 'local', ...own), 'local'),
    ],
  };
}

/** Our part of what `iptables-save` prints. */
export function parseSaved(saved: string): InstalledTable[] {
  return saved
    .split(/^(?=\*)/m)
    .flatMap((section) => {
      const lines = section.split('\n');
      const table = /^\*(\S+)$/.exec(lines[0] ?? '')?.[1];
      if (table === undefined) return [];
      const isOurs = (name: string | undefined): boolean => name?.startsWith(chainPrefix) === true;
      const chains = lines.flatMap((line) => /^:(\S+)/.exec(line)?.[1] ?? []).filter(isOurs);
      const rules = lines.filter((line) => isOurs(/^-A (\S+)/.exec(line)?.[1]));
      const references = lines.filter(
        (line) => !rules.includes(line) && isOurs(/^-A .* -[jg] (\S+)$/.exec(line)?.[1]),
      );
      return [{ table, chains, rules, references }];
    })
    .filter(({ chains, references }) => chains.length > 0 || references.length > 0);
}

const readRule = (shown: string): Route[] =>
  shown.split('\n').some((line) => {
    const words = line.trim().split(/\s+/);
    const after = (word: string): string | undefined => words[words.indexOf(word) + 1];
    return (
      Number(after('fwmark')) === proxyMark &&
      after('lookup') === String(proxyTable) &&
      after('proto') === String(routeProtocol)
    );
  })
    ? planRoutes({ interception: 'TPROXY' }, 'ipv4').filter(({ object }) => object === 'rule')
    : [];

/** `local 240.0.0.0/4 dev lo proto 137 scope host`. */
const readRoutes = (shown: string, table: string): Route[] =>
  shown.split('\n').flatMap((line): Route[] => {
    const destination = /^local (\S+)/.exec(line.trim())?.[1];
    return destination === undefined
      ? []
      : [
          {
            object: 'route',
            selector: `local ${destination} dev lo table ${table} proto ${routeProtocol}`,
          },
        ];
  });
