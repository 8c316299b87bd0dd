// Puts rules in force where the caller is, or takes ours away: all of it or, when a step is refused, nothing.
import { existsSync } from 'node:fs';
import { type Diagnostic, fail, type Result, succeed } from '@xebec/std';
import { hasCapabilities } from '../capability/privilege.ts';
import { findProgram, type RunCommand, runCommand } from '../commands/run.ts';
import type { CaptureRules, Family } from '../rules/capture-rules.ts';
import { checkRules } from '../rules/check-rules.ts';
import type { Backend, RenderedRules } from '../rules/render.ts';
import { commandsBetween, type Situations } from './change.ts';
import { type InstallPrograms, nothing, readSituation, wantedSituation } from './situation.ts';

export interface InstallOptions {
  /** `auto`: iptables where it is installed and works, else nftables. */
  readonly backend: Backend | 'auto';
  readonly families: readonly Family[];
  readonly find?: (program: string) => string | undefined;
  readonly run?: RunCommand;
}

export interface Installation {
  readonly backend: Backend;
  /** What was run, in order; empty when everything was as it should be. */
  readonly steps: readonly RenderedRules[];
}

/** The families that the kernel has. */
export const kernelFamilies = (): readonly Family[] =>
  existsSync('/proc/net/if_inet6') ? ['ipv4', 'ipv6'] : ['ipv4'];

/** What `installRules` would run where nothing of ours is in force. */
export function renderInstallation(
  rules: CaptureRules,
  backend: Backend,
  families: readonly Family[],
): Result<readonly RenderedRules[]> {
  const problems = checkRules(rules);
  if (problems.length > 0) return fail(...problems);
  return succeed(commandsBetween(empty, wanted(rules, backend, families)));
}

/** Replaces what is in force of ours. On failure it is again as it was before. */
export async function installRules(
  rules: CaptureRules,
  options: InstallOptions,
): Promise<Result<Installation>> {
  const problems = checkRules(rules);
  if (problems.length > 0) return fail(...problems);
  const chosen = await chooseBackend(options);
  if (!chosen.ok) return chosen;
  const changed = await changeTo(wanted(rules, chosen.value, options.families), options);
  return changed.ok ? succeed({ backend: chosen.value, steps: changed.value }) : changed;
}

/** Takes away what is in force of ours, whichever back-end put it there. */
export function removeRules(
  options: Omit<InstallOptions, 'backend' | 'families'> = {},
): Promise<Result<readonly RenderedRules[]>> {
  return changeTo(empty, options);
}

const empty: Situations = { ipv4: nothing, ipv6: nothing };

const wanted = (rules: CaptureRules, backend: Backend, families: readonly Family[]): Situations => ({
  ipv4: families.includes('ipv4') ? wantedSituation(rules, backend, 'ipv4') : nothing,
  ipv6: families.includes('ipv6') ? wantedSituation(rules, backend, 'ipv6') : nothing,
});

type Surroundings = Pick<InstallOptions, 'find' | 'run'>;

async function changeTo(
  target: Situations,
  { find = findProgram, run = runCommand }: Surroundings,
): Promise<Result<readonly RenderedRules[]>> {
  if (!hasCapabilities('CAP_NET_ADMIN')) return fail(unprivileged);
  const programs = programsOf(find);
  const before = await readBoth(programs, run);
  const steps = commandsBetween(before, target);
  const failed = await runSteps(steps, find, run);
  if (failed === undefined) return succeed(steps);
  const undone = commandsBetween(await readBoth(programs, run), before);
  const stuck = await runSteps(undone, find, run);
  return stuck === undefined ? fail(failed) : fail(failed, { ...stuck, code: 'capture-rollback-failed' });
}

function programsOf(find: (program: string) => string | undefined): InstallPrograms {
  const named = <K extends string>(key: K, program: string): { readonly [key in K]?: string } => {
    const path = find(program);
    return path === undefined ? {} : ({ [key]: path } as { readonly [key in K]: string });
  };
  return {
    ...named('ip', 'ip'),
    ...named('nft', 'nft'),
    save: { ...named('ipv4', 'iptables-save'), ...named('ipv6', 'ip6tables-save') },
  };
}

const readBoth = async (programs: InstallPrograms, run: RunCommand): Promise<Situations> => ({
  ipv4: await readSituation(programs, 'ipv4', run),
  ipv6: await readSituation(programs, 'ipv6', run),
});

/** The first step that was refused. */
async function runSteps(
  steps: readonly RenderedRules[],
  find: (program: string) => string | undefined,
  run: RunCommand,
): Promise<Diagnostic | undefined> {
  for (const { command, text } of steps) {
    const [program, ...flags] = command;
    const path = find(program);
    if (path === undefined) return missing(program);
    const { code, errors } = await run([path, ...flags], text);
    if (code !== 0) return refused(command.join(' '), errors);
  }
  return undefined;
}

async function chooseBackend(options: InstallOptions): Promise<Result<Backend>> {
  const { backend, families, find = findProgram, run = runCommand } = options;
  const restores = families.flatMap((family) =>
    family === 'ipv4' ? ['iptables-save', 'iptables-restore'] : ['ip6tables-save', 'ip6tables-restore'],
  );
  const lacking = restores.find((program) => find(program) === undefined);
  if (backend === 'nftables') return find('nft') === undefined ? fail(missing('nft')) : succeed(backend);
  if (backend === 'iptables') return lacking === undefined ? succeed(backend) : fail(missing(lacking));
  const works = async (program: string): Promise<boolean> => (await run([find(program) ?? ''])).code === 0;
  if (lacking === undefined && (await works('iptables-save'))) return succeed('iptables');
  return find('nft') === undefined ? fail(missing('iptables or nft')) : succeed('nftables');
}

const unprivileged: Diagnostic = {
  severity: 'error',
  code: 'capture-needs-privilege',
  message: 'neither root nor CAP_NET_ADMIN: the rules of this network cannot be changed',
  remedy: 'run it with sudo, or print the rules with --dry-run',
};

const packages: Readonly<Record<string, string>> = { ip: 'iproute2', nft: 'nftables' };

const missing = (program: string): Diagnostic => ({
  severity: 'error',
  code: 'missing-program',
  message: `the program ${program} is not installed`,
  remedy: program.startsWith('ip6tables')
    ? 'install the package iptables, use --backend nftables, or leave IPv6 out with --no-ipv6'
    : `install the package ${packages[program] ?? 'iptables'}${program.startsWith('iptables-') ? ', or use --backend nftables' : ''}`,
});

const refused = (command: string, errors: string): Diagnostic => ({
  severity: 'error',
  code: 'capture-rules-refused',
  message: `"${command}" failed: ${errors === '' ? 'no reason given' : errors}`,
  remedy: 'nothing was changed; try the other --backend, or look at the rules with --dry-run',
});
