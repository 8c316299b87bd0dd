// A control plane by itself, as a process that can be killed like one; ended with the test that started it.
import { spawn } from 'node:child_process';
import { command, type Run } from './mesh.ts';

export interface ControlPlaneProcess extends AsyncDisposable {
  readonly pid: number;
  /** `HOST:PORT` or path of what it listens on. */
  address(what: 'xds' | 'xds-plaintext' | 'http' | 'admin' | 'bundle'): string;
  log(): string;
  /** Resolves once it is gone. */
  kill(signal: NodeJS.Signals): Promise<void>;
}

export interface ControlPlaneLaunch {
  readonly environment?: Readonly<Record<string, string>>;
}

/** Starts `xebec controlplane` and waits until it says that it is ready; rejects with its words when it ends before. */
export async function startControlPlane(
  parameters: readonly string[],
  launch: ControlPlaneLaunch = {},
): Promise<ControlPlaneProcess> {
  const started = spawnControlPlane(parameters, launch);
  const isReady = await Promise.race([started.whenReady.then(() => true), started.ended.then(() => false)]);
  if (!isReady) throw new Error(`the control plane ended: ${started.log()}`);
  const kill = async (signal: NodeJS.Signals): Promise<void> => {
    started.child.kill(signal);
    await started.ended;
  };
  return {
    pid: started.child.pid ?? Number.NaN,
    address(what) {
      const found = new RegExp(`listening ${what} (\\S+)`).exec(started.log())?.[1];
      if (found === undefined) throw new Error(`the control plane does not listen on ${what}`);
      return found;
    },
    log: started.log,
    kill,
    [Symbol.asyncDispose]: () => kill('SIGTERM'),
  };
}

/** For control planes that must not come up: runs to the end, or is ended once it is ready all the same. */
export async function failToStart(parameters: readonly string[]): Promise<Run> {
  const started = spawnControlPlane(parameters, {});
  void started.whenReady.then(() => started.child.kill('SIGTERM'));
  return { code: await started.ended, stdout: '', stderr: started.log() };
}

function spawnControlPlane(parameters: readonly string[], { environment = {} }: ControlPlaneLaunch) {
  const child = spawn(process.execPath, [command, 'controlplane', ...parameters], {
    env: { ...process.env, NO_COLOR: '1', ...environment },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let text = '';
  let markReady: () => void = () => undefined;
  const whenReady = new Promise<void>((resolve) => {
    markReady = resolve;
  });
  child.stderr.setEncoding('utf8').on('data', (part: string) => {
    text += part;
    if (/ ready$/m.test(text)) markReady();
  });
  const ended = new Promise<number>((resolve) => {
    child.once('close', (code) => resolve(code ?? -1));
    child.once('error', () => resolve(-1));
  });
  return { child, whenReady, ended, log: () => text };
}
