// Runs programs of the system to their end, without a shell; what they answer is a value, and only a bug throws.
import { spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { join } from 'node:path';

interface CommandOutcome {
  /** The exit code; 127 when the program could not be started. */
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

export const runCommand: RunCommand = (command, input = '') =>
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
    child.on('error', (error) => resolve({ code: 127, output, errors: error.message }));
    child.on('close', (code) => resolve({ code: code ?? 1, output, errors: errors.trim() }));
    // A program that ends without reading its input is judged by its exit code.
    child.stdin.on('error', () => {});
    child.stdin.end(input);
  });
