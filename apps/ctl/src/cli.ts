// What a command may touch of the world: streams, environment, place. Everything else goes through files and sockets.
import { homedir } from 'node:os';
import type { Readable, Writable } from 'node:stream';

export interface Terminal extends Writable {
  readonly isTTY?: boolean;
  readonly columns?: number;
}

export interface Cli {
  readonly stdin: Readable;
  readonly stdout: Terminal;
  readonly stderr: Terminal;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly home: string;
  /** The file that runs as `xebec`: started again for the parts of a mesh that are processes of their own. */
  readonly program: string;
}

/** This process's own streams and environment. */
export function systemCli(program: string): Cli {
  const { stdin, stdout, stderr, env } = process;
  // A reader that has seen enough (`xebec get … | head`) is no failure.
  for (const stream of [stdout, stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));
  }
  return { stdin, stdout, stderr, env, cwd: process.cwd(), home: env['HOME'] || homedir(), program };
}
