// Xebec as a server under measurement: the same bundled command that users run.
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort, type ServerCommand } from './server-process.ts';

const root = resolve(fileURLToPath(new URL('../..', import.meta.url)));

export interface XebecOptions {
  /** The bundle. */
  readonly program: string;
  readonly config: string;
  readonly workDirectory: string;
  /** Writes a CPU profile of the server here. */
  readonly profileDirectory?: string;
}

interface BundleScript {
  buildBundle(): Promise<readonly string[]>;
  isBundleStale(): boolean;
}

/** The bundle's path, made anew when a source is newer. */
export async function currentBundle(): Promise<string> {
  const script: BundleScript = await import(join(root, 'scripts', 'build.mjs'));
  const messages = script.isBundleStale() ? await script.buildBundle() : [];
  if (messages.length > 0) throw new Error(`xebec could not be built:\n${messages.join('')}`);
  return join(root, 'dist', 'xebec.js');
}

export async function xebecCommand(options: XebecOptions): Promise<ServerCommand> {
  const { program, config, workDirectory, profileDirectory } = options;
  const address = `127.0.0.1:${await freePort()}`;
  const http = `127.0.0.1:${await freePort()}`;
  const profile = profileDirectory === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profileDirectory}`];
  const flags = ['--config-dir', config, '--xds-plaintext', address, '--http', http];
  return {
    name: 'xebec',
    file: process.execPath,
    args: [...profile, program, 'controlplane', ...flags],
    logFile: join(workDirectory, 'xebec.log'),
    address,
  };
}
