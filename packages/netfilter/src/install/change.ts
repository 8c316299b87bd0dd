// The commands that lead from one situation to another; what is the same in both is not touched.
import type { Family } from '../rules/capture-rules.ts';
import { printChange } from '../rules/iptables.ts';
import { tableFamily, tableName } from '../rules/nftables.ts';
import { type RenderedRules, restoreCommand, routeCommand } from '../rules/render.ts';
import type { Route, Situation } from './situation.ts';

export type Situations = Readonly<Record<Family, Situation>>;

const both: readonly Family[] = ['ipv4', 'ipv6'];

/** Rules of packets come before the routes that they rely on when things are made, and go before them. */
export function commandsBetween(before: Situations, after: Situations): RenderedRules[] {
  return [
    ...both.flatMap((family) => tableChange(family, before[family], after[family])),
    ...nftablesChange(before, after),
    ...both.flatMap((family) => routeChange(family, before[family], after[family])),
  ];
}

function tableChange(family: Family, before: Situation, after: Situation): RenderedRules[] {
  const text = printChange(after.iptables, before.iptables);
  return text === '' ? [] : [{ command: restoreCommand(family), families: [family], text }];
}

/** One transaction, for both families. */
function nftablesChange(before: Situations, after: Situations): RenderedRules[] {
  const families = both.filter(
    (family) => before[family].nftables !== undefined || after[family].nftables !== undefined,
  );
  if (families.length === 0) return [];
  const text = families
    .map((family) => {
      const name = `table ${tableFamily[family]} ${tableName}`;
      return `${name}\ndelete ${name}\n${after[family].nftables ?? ''}`;
    })
    .join('\n');
  return [{ command: ['nft', '-f', '-'], families, text }];
}

function routeChange(family: Family, before: Situation, after: Situation): RenderedRules[] {
  const lacking = (of: Situation, others: Situation): readonly Route[] =>
    of.routes.filter(({ selector }) => !others.routes.some((other) => other.selector === selector));
  const lines = [
    ...lacking(before, after).map(({ object, selector }) => `${object} delete ${selector}`),
    ...lacking(after, before).map(({ object, selector }) => `${object} add ${selector}`),
  ];
  return lines.length === 0
    ? []
    : [{ command: routeCommand(family), families: [family], text: `${lines.join('\n')}\n` }];
}
