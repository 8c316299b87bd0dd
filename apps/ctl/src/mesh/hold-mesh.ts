// Holds a mesh: starts its parts in order, stays until told to stop, and ends them in the opposite order.
import { mkdirSync } from 'node:fs';
import { acquireStateLock, type Ending, type Guard, startGuard } from '@xebec/supervise';
import type { Cli } from '../cli.ts';
import type { UpOptions } from '../commands/up.ts';
import { type ExitCode, exitCode } from '../exit-code.ts';
import { printDiagnostics, refuse } from '../output/diagnostics.ts';
import { type Progress, startProgress } from '../output/progress.ts';
import { listenForStop, type StopSignal } from '../parts/until-signal.ts';
import { claimFormat } from '../state/format.ts';
import { removePidFile, writePidFile } from '../state/pid-files.ts';
import { logDirectory, prepareSocketDirectory } from '../state/state-directory.ts';
import { removeMeshRecord } from './mesh-record.ts';
import type { Part } from './parts.ts';
import { startMesh } from './start-mesh.ts';
import { followMesh } from './status-line.ts';
import { printSummary } from './summary.ts';

export interface UpRequest {
  readonly state: string;
  readonly given: readonly string[];
  readonly options: UpOptions;
}

/** Everything that must end with the mesh, in the order in which it was started. */
export interface Running {
  readonly guard: Guard;
  readonly parts: Part[];
  /** Nothing is started any more. */
  isStopping?: true;
  /** Waits for the first object that needs a policy service. */
  policyNeed?: Disposable;
  readonly onRestart: (name: string, ending: Ending) => void;
}

export async function holdMesh(cli: Cli, request: UpRequest): Promise<ExitCode> {
  const { state } = request;
  const lock = acquireStateLock(state, 'xebec up');
  if (!lock.ok) return refuse(cli, ...lock.diagnostics);
  using _lock = lock.value;
  const format = claimFormat(state);
  if (!format.ok) return refuse(cli, ...format.diagnostics);
  mkdirSync(logDirectory(state), { recursive: true, mode: 0o700 });
  prepareSocketDirectory(state);
  writePidFile(state, 'up', process.pid);
  const running: Running = {
    guard: startGuard({ graceMs: 10_000 }),
    parts: [],
    onRestart: restartReporter(cli),
  };
  using signal = listenForStop(() => {
    for (const { process: part } of running.parts) part.signal('SIGKILL');
    process.exit(exitCode.failed);
  });
  try {
    return await startAndStay(cli, request, running, signal);
  } finally {
    await stopParts(cli, running);
    running.guard[Symbol.dispose]();
    removeMeshRecord(state);
    for (const name of ['up', 'control-plane', 'agent', 'policy']) removePidFile(state, name);
  }
}

async function startAndStay(
  cli: Cli,
  request: UpRequest,
  running: Running,
  signal: StopSignal,
): Promise<ExitCode> {
  const progress = startProgress(cli);
  const starting = startMesh(cli, { ...request, running, progress });
  const first = await Promise.race([starting, signal.stopped]);
  if (typeof first === 'string') {
    cli.stderr.write('\nstopped before it served\n');
    await stopParts(cli, running);
    await starting.catch(() => undefined);
    return exitCode.failed;
  }
  if (!first.ok) return refuse(cli, ...first.diagnostics);
  printDiagnostics(cli, first.warnings);
  const isDetached = cli.env['XEBEC_DETACHED'] === '1';
  if (!isDetached) await printSummary(cli, first.value, request.options.output);
  using _status = isDetached ? undefined : followMesh(cli, first.value);
  await signal.stopped;
  return exitCode.done;
}

function restartReporter(cli: Cli): Running['onRestart'] {
  return (name, { code, signal, reason }) => {
    const how = reason ?? (signal === null ? `exit code ${code}` : signal);
    if (code !== 0) cli.stderr.write(`\n${name} ended (${how})\n`);
  };
}

const partNames: Readonly<Record<Part['name'], string>> = {
  agent: 'stopping the workloads and their proxies',
  policy: 'stopping the policy service',
  'control-plane': 'stopping the control plane',
};

async function stopParts(cli: Cli, running: Running): Promise<void> {
  running.isStopping = true;
  running.policyNeed?.[Symbol.dispose]();
  const { parts } = running;
  const progress: Progress = startProgress(cli);
  for (let part = parts.pop(); part !== undefined; part = parts.pop()) {
    const step = progress.step(partNames[part.name]);
    await part.process.stop();
    step.done();
  }
}
