// Begins a rotation or its undoing, and tells of every step until it is done; the control plane does the work, also when this ends.
import { resolve } from 'node:path';
import type { Result } from '@xebec/std';
import { type ControlPlane, controlPlaneOf } from '../admin/control-plane.ts';
import type { Cli } from '../cli.ts';
import type { RollBackOptions, RotateOptions } from '../commands/ca.ts';
import { type ExitCode, exitCode } from '../exit-code.ts';
import { refuse } from '../output/diagnostics.ts';
import { type Step, startProgress } from '../output/progress.ts';
import { printStructured } from '../output/structured.ts';
import { stateDirectory } from '../state/state-directory.ts';
import { type AuthorityState, type RotationState, readAuthority } from './read-status.ts';

export async function rotate(cli: Cli, options: RotateOptions): Promise<ExitCode> {
  const controlPlane = controlPlaneOf(stateDirectory(cli, options.state));
  const answer = await controlPlane.post('/v1/ca/rotate', {
    kind: options.intermediate === true ? 'intermediate' : 'root',
    goal: options.stage,
    force: options.force === true,
    ...(options.keyAlgorithm === undefined ? {} : { keyAlgorithm: options.keyAlgorithm }),
    ...(options.from === undefined ? {} : { from: resolve(cli.cwd, options.from) }),
  });
  return await finishRotation(cli, answer, { ...options, controlPlane });
}

export async function rollBack(cli: Cli, options: RollBackOptions): Promise<ExitCode> {
  const controlPlane = controlPlaneOf(stateDirectory(cli, options.state));
  const answer = await controlPlane.post('/v1/ca/rollback', {});
  return await finishRotation(cli, answer, { ...options, controlPlane });
}

interface Waiting {
  readonly controlPlane: ControlPlane;
  readonly output: 'table' | 'json';
  readonly wait: boolean;
  readonly timeout: number;
}

async function finishRotation(cli: Cli, answer: Result<unknown>, waiting: Waiting): Promise<ExitCode> {
  if (!answer.ok) return refuse(cli, ...answer.diagnostics);
  const { wait, output } = waiting;
  const ended = wait ? await follow(cli, readAuthority(answer.value), waiting) : exitCode.done;
  const now = await waiting.controlPlane.get('/v1/ca');
  if (!now.ok) return refuse(cli, ...now.diagnostics);
  if (output === 'json') await printStructured(cli, 'json', now.value);
  else cli.stdout.write(`${outcome(readAuthority(now.value))}\n`);
  return ended;
}

const words: Readonly<Record<string, string>> = {
  trust: 'trust: proxies take both roots',
  reissue: 'reissue: certificates of the new issuer',
  verify: 'verify: every workload is looked at once more',
  retire: 'retire: proxies let go of the old root',
  withdraw: 'withdraw: certificates of the old issuer again',
  discard: 'discard: proxies let go of the new root',
};

const pollMs = 200;

/** Until it is over, has reached its goal with everybody, or time is up. An absent control plane may come back. */
async function follow(
  cli: Cli,
  first: AuthorityState,
  { controlPlane, timeout }: Waiting,
): Promise<ExitCode> {
  const progress = startProgress(cli);
  const deadline = performance.now() + timeout;
  let rotation = first.rotation;
  let step: Step | undefined;
  let stage = '';
  for (;;) {
    for (const next of between(stage, rotation?.stage)) {
      step?.done();
      step = progress.step(words[next] ?? next);
      stage = next;
    }
    if (rotation === undefined || hasArrived(rotation)) {
      step?.done();
      return exitCode.done;
    }
    const [late] = rotation.waitingFor;
    step?.say(
      late === undefined ? '' : `${rotation.waitingFor.length} to go: ${late.workload}: ${late.reason}`,
    );
    if (performance.now() > deadline) {
      step?.failed();
      return exitCode.timedOut;
    }
    await new Promise((resolve) => setTimeout(resolve, pollMs));
    const answer = await controlPlane.get('/v1/ca');
    if (answer.ok) rotation = readAuthority(answer.value).rotation;
  }
}

const ways = [
  ['trust', 'reissue', 'verify', 'retire'],
  ['withdraw', 'discard'],
] as const;

/** The stages since the last look: some are over before anybody has seen them. */
function between(before: string, now: string | undefined): readonly string[] {
  const way: readonly string[] =
    ways.find((stages) => stages.some((stage) => stage === (now ?? before))) ?? [];
  const from = way.indexOf(before);
  const to = now === undefined ? way.length - 1 : way.indexOf(now);
  return from < 0 ? (now === undefined ? [] : [now]) : way.slice(from + 1, to + 1);
}

const hasArrived = ({ stage, goal, waitingFor }: RotationState): boolean =>
  stage === goal && stage !== 'retire' && waitingFor.length === 0;

function outcome({ rotation, roots }: AuthorityState): string {
  if (rotation === undefined)
    return `no rotation is under way; ${roots === 1 ? 'one root is' : `${roots} roots are`} trusted`;
  const { stage, waitingFor } = rotation;
  if (waitingFor.length === 0) return `the rotation is at ${stage}, and every workload is proven to have it`;
  const rows = waitingFor.map(({ workload, reason }) => `  ${workload}: ${reason}`);
  return [`the rotation is at ${stage} and waits for:`, ...rows].join('\n');
}
