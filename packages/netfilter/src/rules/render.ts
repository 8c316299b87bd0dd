// Turns a description of capture into the texts that a back-end applies; pure, so a dry run prints exactly what runs.

import { fail, type Result, succeed } from '@xebec/std';
import { type CaptureRules, checkRules, type Family } from './capture-rules.ts';
import { printIptables } from './iptables.ts';
import { printNftables } from './nftables.ts';
import { planChains } from './plan.ts';

export type Backend = 'iptables' | 'nftables';

/** A text and the command that takes it on its standard input. */
export interface RenderedRules {
  readonly command: readonly [program: string, ...flags: string[]];
  readonly families: readonly Family[];
  readonly text: string;
}

const both: readonly Family[] = ['ipv4', 'ipv6'];

/** The rules as text, to be applied in this order; refuses rules that have no sound rendering. */
export function renderRules(
  rules: CaptureRules,
  backend: Backend,
  families: readonly Family[] = both,
): Result<readonly RenderedRules[]> {
  const problems = checkRules(rules);
  if (problems.length > 0) return fail(...problems);
  const plans = families.map((family) => ({ family, chains: planChains(rules, family) }));
  if (backend === 'nftables')
    return succeed([{ command: ['nft', '-f', '-'], families, text: printNftables(plans) }]);
  return succeed(
    plans.map(({ family, chains }) => ({
      command: [family === 'ipv4' ? 'iptables-restore' : 'ip6tables-restore', '--noflush'],
      families: [family],
      text: printIptables(chains),
    })),
  );
}
