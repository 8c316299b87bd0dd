// A policy service as a process of its own, that can be killed like one; ended with the test that started it.
import { spawn } from 'node:child_process';
import { command } from './mesh.ts';

export interface PolicyServiceProcess extends AsyncDisposable {
  readonly pid: number;
  /** `HOST:PORT`. */
  address(what: 'grpc' | 'grpc-plaintext' | 'http'): string;
  log(): string;
  /** Resolves once it is gone, with how it ended. */
  kill(signal: NodeJS.Signals): Promise<number | null>;
  /** Asks by HTTP and JSON; the body of the answer. */
  ask(path: string, body: unknown): Promise<unknown>;
}

const deadlineMs = 60_000;

/** Starts `xebec policy serve` on free ports and waits until it says that it is ready. */
export async function startPolicyService(parameters: readonly string[]): Promise<PolicyServiceProcess> {
  const ports = ['--listen', '127.0.0.1:0', '--http', '127.0.0.1:0', '--listen-plaintext', '127.0.0.1:0'];
  const child = spawn(process.execPath, [command, 'policy', 'serve', ...ports, ...parameters], {
    env: { ...process.env, NO_COLOR: '1' },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let text = '';
  const ended = new Promise<number | null>((resolve) => void child.once('exit', resolve));
  const ready = new Promise<boolean>((resolve) => {
    child.stderr.setEncoding('utf8').on('data', (part: string) => {
      text += part;
      if (/ ready$/m.test(text)) resolve(true);
    });
    void ended.then(() => resolve(false));
    setTimeout(() => resolve(false), deadlineMs).unref();
  });
  if (!(await ready)) {
    child.kill('SIGKILL');
    throw new Error(`the policy service did not start: ${text}`);
  }
  const address = (what: string): string => {
    const found = new RegExp(`listening ${what} (\\S+)`).exec(text)?.[1];
    if (found === undefined) throw new Error(`the policy service does not listen on ${what}`);
    return found;
  };
  const kill = async (signal: NodeJS.Signals): Promise<number | null> => {
    child.kill(signal);
    return await ended;
  };
  return {
    pid: child.pid ?? 0,
    address,
    log: () => text,
    kill,
    async ask(path, body) {
      const answer = await fetch(`http://${address('http')}${path}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
        signal: AbortSignal.timeout(10_000),
      });
      return await answer.json();
    },
    async [Symbol.asyncDispose]() {
      await kill('SIGTERM');
    },
  };
}
