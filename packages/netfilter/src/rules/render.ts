// Turns a description of capture into the texts that a back-end applies; pure, so a dry run prints exactly what runs.

import { fail, type Result, succeed } from '@xebec/std';
import type { CaptureRules, Family } from './capture-rules.ts';
import { checkRules } from './check-rules.ts';
import { printIptables } from './iptables.ts';
import { printNftables } from './nftables.ts';
import { planCapture } from './plan.ts';
import { planRoutes } from './routes.ts';

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
  return succeed([...renderChains(rules, backend, families), ...renderRoutes(rules, families)]);
}

function renderChains(rules: CaptureRules, backend: Backend, families: readonly Family[]): RenderedRules[] {
  const plans = families.map((family) => planCapture(rules, family));
  if (backend === 'nftables') return [{ command: ['nft', '-f', '-'], families, text: printNftables(plans) }];
  return plans.map((plan) => ({
    command: restoreCommand(plan.family),
    families: [plan.family],
    text: printIptables(plan),
  }));
}

export const restoreCommand = (family: Family): [string, string] => [
  family === 'ipv4' ? 'iptables-restore' : 'ip6tables-restore',
  '--noflush',
];

function renderRoutes(rules: CaptureRules, families: readonly Family[]): RenderedRules[] {
  return families.flatMap((family): RenderedRules[] => {
    const lines = planRoutes(rules, family).map(({ object, selector }) => `${object} add ${selector}\n`);
    return lines.length === 0
      ? []
      : [{ command: routeCommand(family), families: [family], text: lines.join('') }];
  });
}

/** Takes one change of routing per line. */
export const routeCommand = (family: Family): [string, ...string[]] => [
  'ip',
  family === 'ipv4' ? '-4' : '-6',
  '-batch',
  '-',
];
