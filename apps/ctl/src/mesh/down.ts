// xebec down: asks the holder to end the mesh, and makes sure that nothing of it is left.
import { isAlive, type ProcessIdentity, readLockHolder } from '@xebec/supervise';
import type { Cli } from '../cli.ts';
import type { DownOptions } from '../commands/down.ts';
import { type ExitCode, exitCode } from '../exit-code.ts';
import { problem, refuse } from '../output/diagnostics.ts';
import { startProgress } from '../output/progress.ts';
import { livePids, removePidFile } from '../state/pid-files.ts';
import { stateDirectory } from '../state/state-directory.ts';
import { removeMeshRecord } from './mesh-record.ts';

const patienceMs = 60_000;
const forceMs = 5_000;

export async function down(cli: Cli, options: DownOptions): Promise<ExitCode> {
  const state = stateDirectory(cli, options.state);
  const holder = readLockHolder(state);
  const step = holder === undefined ? undefined : startProgress(cli).step('stopping the mesh');
  if (holder !== undefined && !(await end(holder))) {
    step?.failed();
    const remedy = `see what process ${holder.pid} is doing; "kill -9 ${holder.pid}" ends it`;
    return refuse(
      cli,
      problem('does-not-stop', `${holder.purpose} (process ${holder.pid}) does not stop`, remedy),
    );
  }
  const left = livePids(state);
  for (const part of left) await end(part);
  for (const { name } of left) removePidFile(state, name);
  if (livePids(state).length === 0) removeMeshRecord(state);
  step?.done();
  const wasRunning = holder !== undefined || left.length > 0;
  cli.stdout.write(wasRunning ? 'the mesh is down; its state stays\n' : `no mesh is running in ${state}\n`);
  return exitCode.done;
}

/** First the polite way, then the other; true once the process is gone. */
async function end(identity: ProcessIdentity): Promise<boolean> {
  send(identity, 'SIGTERM');
  if (await isGoneWithin(identity, patienceMs)) return true;
  send(identity, 'SIGTERM');
  if (await isGoneWithin(identity, forceMs)) return true;
  send(identity, 'SIGKILL');
  return await isGoneWithin(identity, forceMs);
}

function send(identity: ProcessIdentity, signal: NodeJS.Signals): void {
  if (!isAlive(identity)) return;
  try {
    process.kill(identity.pid, signal);
  } catch {
    // Gone in between, or not ours; the wait tells.
  }
}

async function isGoneWithin(identity: ProcessIdentity, limitMs: number): Promise<boolean> {
  const deadline = performance.now() + limitMs;
  while (isAlive(identity)) {
    if (performance.now() > deadline) return false;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return true;
}
