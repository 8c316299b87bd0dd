// The processes of a mesh: the control plane, the agent, and the policy service where there is one; restarted when they crash, gone when we are.
import { readFileSync, statfsSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type Diagnostic, fail, type Result, succeed } from '@xebec/std';
import { type Ending, type Guard, type SupervisedProcess, superviseProcess } from '@xebec/supervise';
import type { Cli } from '../cli.ts';
import { identityArguments, tokenArguments } from '../commands/identity-options.ts';
import type { UpOptions } from '../commands/up.ts';
import { bundleArguments } from '../options/bundle-options.ts';
import { jwksArguments } from '../options/jwks-options.ts';
import { anonymousArguments } from '../options/policy-options.ts';
import { problem } from '../output/diagnostics.ts';
import { writePidFile } from '../state/pid-files.ts';
import { logDirectory } from '../state/state-directory.ts';
import type { MeshPlan } from './plan.ts';

export interface Part {
  readonly name: 'control-plane' | 'agent' | 'policy';
  readonly process: SupervisedProcess;
  readonly logFile: string;
  /** What it wrote since it was started. */
  readonly output: () => string;
  /** Set when it ended before `expectLife`. */
  readonly ending: () => Ending | undefined;
}

export interface PartOptions {
  readonly state: string;
  readonly guard: Guard;
  readonly onRestart: (name: string, ending: Ending) => void;
}

export function startControlPlane(
  cli: Cli,
  plan: MeshPlan,
  options: PartOptions & { readonly up: UpOptions; readonly envoy: string },
): Part {
  const { discovery, certificateTtl, openMetrics, trustDomain } = options.up;
  const args = [
    'controlplane',
    '--supervised',
    ...[
      '--state',
      plan.state,
      '--xds',
      plan.xds,
      '--http',
      plan.http,
      '--discovery',
      discovery,
      '--no-recursive',
    ],
    ...plan.paths.flatMap((path) => ['--config-dir', path]),
    ...(certificateTtl === undefined ? [] : ['--certificate-ttl', `${certificateTtl}ms`]),
    ...(openMetrics === true ? ['--open-metrics'] : []),
    ...jwksArguments(options.up),
    ...identityArguments(options.up),
    ...bundleArguments(options.up),
    ...auditSinks(options.up),
    ...(trustDomain === undefined ? [] : ['--trust-domain', trustDomain]),
  ];
  // It checks patches with the Envoy that will get them.
  const env = { ENVOY_PATH: options.envoy };
  return startPart(cli, { ...options, name: 'control-plane', args, env, stopTimeoutMs: 10_000 });
}

export function startAgent(
  cli: Cli,
  plan: MeshPlan,
  options: PartOptions & { readonly up: UpOptions; readonly envoy: string },
): Part {
  const { discovery, capture, openMetrics, trustDomain, workloadKey } = options.up;
  const args = [
    'agent',
    '--supervised',
    ...['--state', plan.state, '--xds', plan.xds, '--envoy', options.envoy],
    ...['--capture', capture, '--discovery', discovery],
    ...(trustDomain === undefined ? [] : ['--trust-domain', trustDomain]),
    ...(workloadKey === undefined ? [] : ['--workload-key', workloadKey]),
    ...plan.imageFiles.flatMap((file) => ['--images', file]),
    ...(openMetrics === true ? ['--open-metrics'] : []),
    ...auditSinks(options.up),
    ...(plan.ingressPort === undefined ? [] : ['--gateway-port', `80=${plan.ingressPort}`]),
  ];
  return startPart(cli, { ...options, name: 'agent', args, stopTimeoutMs: 30_000 });
}

export function startPolicyService(
  cli: Cli,
  plan: MeshPlan,
  options: PartOptions & { readonly up: UpOptions; readonly listen: string; readonly http: string },
): Part {
  const { openMetrics, trustDomain, certificateTtl, anonymous } = options.up;
  const args = [
    ...['policy', 'serve', '--supervised', '--state', plan.state, '--control-plane', plan.xds],
    // Its usual ports may be taken, also in the moment before it starts.
    ...['--listen', options.listen, '--http', options.http, '--or-any-port'],
    ...tokenArguments(options.up),
    ...anonymousArguments(anonymous),
    ...(trustDomain === undefined ? [] : ['--trust-domain', trustDomain]),
    ...(certificateTtl === undefined ? [] : ['--certificate-ttl', `${certificateTtl}ms`]),
    ...(openMetrics === true ? ['--open-metrics'] : []),
  ];
  return startPart(cli, { ...options, name: 'policy', args, stopTimeoutMs: 15_000 });
}

const auditSinks = ({ auditSink = [] }: UpOptions): readonly string[] =>
  auditSink.flatMap((sink) => ['--audit-sink', sink]);

interface PartStart extends PartOptions {
  readonly name: Part['name'];
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly stopTimeoutMs: number;
}

/** Most of what is made lives long: a small young generation costs little time and saves tens of megabytes. */
const memoryFlags = ['--max-semi-space-size=2'];

function startPart(cli: Cli, start: PartStart): Part {
  const { name, args, state, guard, onRestart, stopTimeoutMs } = start;
  const logFile = join(logDirectory(state), `${name}.log`);
  const from = sizeOf(logFile);
  let ending: Ending | undefined;
  const process_ = superviseProcess(
    {
      name,
      command: process.execPath,
      args: [...memoryFlags, cli.program, ...args],
      env: { ...cli.env, ...start.env, NO_COLOR: '1' },
      cwd: cli.cwd,
      stdout: { path: logFile },
      restart: { when: 'always', firstDelayMs: 100, longestDelayMs: 5_000 },
      stopTimeoutMs,
      // Also after every restart: who ends a mesh by force must know its processes.
      onStart: (pid) => writePidFile(state, name, pid),
      onExit: (how) => {
        ending = how;
        onRestart(name, how);
      },
    },
    { guard },
  );
  return { name, process: process_, logFile, output: () => readFrom(logFile, from), ending: () => ending };
}

const sizeOf = (file: string): number => {
  try {
    return statSync(file).size;
  } catch {
    return 0;
  }
};

function readFrom(file: string, from: number): string {
  try {
    const bytes = readFileSync(file);
    // The log may have been turned over since.
    return bytes.subarray(bytes.length >= from ? from : 0).toString('utf8');
  } catch {
    return '';
  }
}

const mostLines = 12;
/** Bytes; with less left on its disk, a log that is empty is one that could not be written. */
const leastFree = 64 * 1024;

function isFull(file: string): boolean {
  const { bavail, bsize } = statfsSync(dirname(file));
  return bavail * bsize < leastFree;
}

/** Why a part did not come up, in its own words. */
export function whyItEnded(part: Part): Diagnostic {
  const lines = part.output().trimEnd().split('\n');
  const errors = lines.filter((line) => /(^|: )error: /.test(line));
  const said = (errors.length > 0 ? errors : lines).slice(-mostLines).join('; ');
  if (said.trim() === '' && isFull(part.logFile)) {
    return problem(
      'disk-full',
      `the ${part.name.replace('-', ' ')} did not start: no space left, not even for its log ${part.logFile}`,
      'free some space and start again',
    );
  }
  const { code = null, signal = null, reason } = part.ending() ?? {};
  const how = reason ?? (signal === null ? `exit code ${code}` : `signal ${signal}`);
  const words = said.trim() === '' ? how : said.replace(/^error: /, '');
  return problem(
    `${part.name}-failed`,
    `the ${part.name.replace('-', ' ')} did not start: ${words}`,
    `its log: ${part.logFile}`,
  );
}

/** Asks again and again until `look` has an answer, the part ended, or time is up. */
export async function untilAnswered<T>(
  part: Part,
  deadlineMs: number,
  look: () => Promise<T | undefined>,
): Promise<Result<T>> {
  for (;;) {
    const answer = await look();
    if (answer !== undefined) return succeed(answer);
    if (part.ending() !== undefined) return fail(whyItEnded(part));
    if (performance.now() > deadlineMs) {
      const remedy = `see its log: ${part.logFile}`;
      return fail(
        problem(`${part.name}-not-ready`, `the ${part.name.replace('-', ' ')} was not ready in time`, remedy),
      );
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
