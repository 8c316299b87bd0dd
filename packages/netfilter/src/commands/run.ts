// Runs programs of the system to their end, without a shell; what they answer is a value, and only a bug throws.
import { spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { join } from 'node:path';

interface CommandOutcome {
  /** The exit code; 127 when the program could not be started, 124 when it did not end in time. */
  readonly code: number;
  readonly output: string;
  readonly errors: string;
}

/** Runs a command with a text on its standard input. */
export type RunCommand = (command: readonly string[], input?: string) => Promise<CommandOutcome>;

/** Where the programs of an administrator are even when the caller's PATH leaves them out. */
const systemDirectories = ['/usr/local/sbin', '/usr/sbin', '/sbin', '/usr/bin', '/bin'];

const searchPath = (): string[] => [...(process.env['PATH'] ?? '').split(':'), ...systemDirectories];

/** The full path of a program, or undefined when it is not installed. */
export function findProgram(name: string): string | undefined {
  return searchPath()
    .filter((directory) => directory.startsWith('/'))
    .map((directory) => join(directory, name))
    .find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** None of these programs works for longer; one that waits for a lock of the kernel may never end. */
const deadlineMs = 60_000;
/** What a program has started may hold on to its output; a moment after its end nobody waits for that any more. */
const afterEndMs = 1_000;

/** A program that has not ended by the deadline is killed and counts as one that failed. */
export const commandRunner =
  (limitMs: number): RunCommand =>
  (command, input = '') =>
    new Promise((resolve) => {
      const [program = '', ...flags] = command;
      const child = spawn(program, flags, {
        env: { ...process.env, PATH: searchPath().join(':'), LC_ALL: 'C' },
        stdio: ['pipe', 'pipe', 'pipe'],
      });
      let output = '';
      let errors = '';
      child.stdout.setEncoding('utf8').on('data', (text: string) => {
        output += text;
      });
      child.stderr.setEncoding('utf8').on('data', (text: string) => {
        errors += text;
      });
      const settle = (outcome: CommandOutcome): void => {
        clearTimeout(overdue);
        for (const stream of child.stdio) stream?.destroy();
        resolve(outcome);
      };
      const overdue = setTimeout(() => {
        child.kill('SIGKILL');
        // One that waits inside the kernel cannot be killed, and is not waited for.
        child.unref();
        settle({ code: 124, output, errors: `not ended after ${limitMs / 1_000} s` });
      }, limitMs);
      child.on('error', (error) => settle({ code: 127, output, errors: error.message }));
      const end = (code: number | null): void => settle({ code: code ?? 1, output, errors: errors.trim() });
      child.on('close', end);
      child.on('exit', (code) => setTimeout(end, afterEndMs, code).unref());
      // A program that ends without reading its input is judged by its exit code.
      child.stdin.on('error', () => {});
      child.stdin.end(input);
    });

export const runCommand: RunCommand = commandRunner(deadlineMs);
