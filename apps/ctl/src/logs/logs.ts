// Prints a log file, and goes on with what comes when asked.
import { createReadStream, existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fail, type Result, succeed } from '@xebec/std';
import type { Cli } from '../cli.ts';
import type { LogsOptions } from '../commands/logs.ts';
import { type ExitCode, exitCode } from '../exit-code.ts';
import { problem, refuse } from '../output/diagnostics.ts';
import { listenForStop } from '../parts/until-signal.ts';
import { loggedPods } from '../proxies/find-pod.ts';
import { resolveWorkload } from '../proxies/resolve-workload.ts';
import { logDirectory, stateDirectory } from '../state/state-directory.ts';

const parts = new Set(['control-plane', 'agent', 'policy', 'up']);

export async function logs(cli: Cli, workload: string, options: LogsOptions): Promise<ExitCode> {
  const state = stateDirectory(cli, options.state);
  const file = await logFile(state, workload, options);
  if (!file.ok) return refuse(cli, ...file.diagnostics);
  const from = printTail(cli, file.value, options.tail);
  if (options.follow === true) await follow(cli, file.value, from);
  return exitCode.done;
}

async function logFile(state: string, workload: string, options: LogsOptions): Promise<Result<string>> {
  if (parts.has(workload)) return existing(join(logDirectory(state), `${workload}.log`), workload);
  const pod = resolveWorkload(workload, await loggedPods(state));
  if (!pod.ok) return fail(...pod.diagnostics);
  const directory = join(logDirectory(state), pod.value.pod);
  if (options.envoy === true) return existing(join(directory, 'envoy.log'), workload);
  if (options.access === true) return existing(join(directory, 'access.log'), workload);
  const app = join(directory, 'app.log');
  // A gateway has no application; its Envoy's log is what there is.
  return existing(existsSync(app) ? app : join(directory, 'envoy.log'), workload);
}

function existing(file: string, workload: string): Result<string> {
  if (existsSync(file)) return succeed(file);
  const remedy = 'it has not started yet, or the mesh has another --state';
  return fail(problem('no-log', `there is no log of ${workload} (${file})`, remedy));
}

/** Gives how far it came. */
function printTail(cli: Cli, file: string, lines: number | undefined): number {
  const bytes = readFileSync(file);
  if (lines === undefined) {
    cli.stdout.write(bytes);
  } else {
    const all = bytes.toString('utf8').replace(/\n$/, '').split('\n');
    const last = lines === 0 ? [] : all.slice(-lines);
    if (last.length > 0) cli.stdout.write(`${last.join('\n')}\n`);
  }
  return bytes.length;
}

const pollMs = 200;

async function follow(cli: Cli, file: string, from: number): Promise<void> {
  using signal = listenForStop();
  let position = from;
  while (!signal.isStopped) {
    const size = existsSync(file) ? statSync(file).size : 0;
    // Shorter than it was: turned over, so it begins anew.
    if (size < position) position = 0;
    if (size > position) {
      for await (const piece of createReadStream(file, { start: position, end: size - 1 }))
        cli.stdout.write(piece);
      position = size;
    }
    await Promise.race([signal.stopped, new Promise((resolve) => setTimeout(resolve, pollMs))]);
  }
}
