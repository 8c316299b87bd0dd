// Runs a command to its end and gives what it printed; a missing command is a value, never an exception.
import { spawn } from 'node:child_process';
import { errorCodeOf, messageOf } from './error-code.ts';

export interface CommandOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd?: string;
  readonly timeoutMs?: number;
  readonly onLine?: (line: string) => void;
}

export type CommandOutcome =
  | { readonly kind: 'ended'; readonly code: number | null; readonly stdout: string; readonly stderr: string }
  | { readonly kind: 'not-found' }
  | { readonly kind: 'not-started'; readonly reason: string };

export type RunCommand = (
  command: string,
  args: readonly string[],
  options: CommandOptions,
) => Promise<CommandOutcome>;

const outputLimit = 1_000_000;

export const runCommand: RunCommand = (command, args, options) =>
  new Promise((resolve) => {
    const child = spawn(command, args, {
      env: { ...options.env },
      cwd: options.cwd,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const { timeoutMs } = options;
    const overdue = timeoutMs === undefined ? undefined : setTimeout(() => child.kill('SIGKILL'), timeoutMs);
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout = (stdout + text).slice(-outputLimit);
      for (const line of text.split('\n')) if (line.trim() !== '') options.onLine?.(line.trim());
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr = (stderr + text).slice(-outputLimit);
    });
    child.once('error', (error) => {
      clearTimeout(overdue);
      const isMissing = errorCodeOf(error) === 'ENOENT';
      resolve(isMissing ? { kind: 'not-found' } : { kind: 'not-started', reason: messageOf(error) });
    });
    const end = (code: number | null) => {
      clearTimeout(overdue);
      resolve({ kind: 'ended', code, stdout, stderr });
    };
    child.once('close', end);
    // What it started may hold on to its output; a moment after its end nobody waits for that any more.
    child.once('exit', (code) => setTimeout(end, 1_000, code).unref());
  });
