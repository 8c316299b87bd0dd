// A policy service by itself, as a process; ended with the test that started it.
import { spawn } from 'node:child_process';
import { command } from './mesh.ts';

export interface PolicyProcess extends AsyncDisposable {
  readonly pid: number;
  /** `HOST:PORT` of what it listens on. */
  address(what: 'grpc' | 'grpc-plaintext' | 'http'): string;
  log(): string;
  /** Resolves once it is gone. */
  kill(signal: NodeJS.Signals): Promise<void>;
}

/** Starts `xebec policy serve` and waits until it has a configuration; rejects with its words when it ends before. */
export async function startPolicyProcess(parameters: readonly string[]): Promise<PolicyProcess> {
  const child = spawn(process.execPath, [command, 'policy', 'serve', ...parameters], {
    env: { ...process.env, NO_COLOR: '1' },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let text = '';
  const ended = new Promise<void>((resolve) => {
    child.once('close', () => resolve());
    child.once('error', () => resolve());
  });
  const isReady = await new Promise<boolean>((resolve) => {
    const give = setTimeout(() => resolve(false), 40_000);
    child.stderr.setEncoding('utf8').on('data', (part: string) => {
      text += part;
      if (!/ ready$/m.test(text) || !/configuration of revision/.test(text)) return;
      clearTimeout(give);
      resolve(true);
    });
    void ended.then(() => resolve(false));
  });
  const kill = async (signal: NodeJS.Signals): Promise<void> => {
    child.kill(signal);
    await ended;
  };
  if (!isReady) {
    await kill('SIGKILL');
    throw new Error(`the policy service is not ready: ${text}`);
  }
  return {
    pid: child.pid ?? 0,
    address(what) {
      const found = new RegExp(`listening ${what} (\\S+)`).exec(text)?.[1];
      if (found === undefined) throw new Error(`the policy service does not listen on ${what}`);
      return found;
    },
    log: () => text,
    kill,
    [Symbol.asyncDispose]: () => kill('SIGTERM'),
  };
}
