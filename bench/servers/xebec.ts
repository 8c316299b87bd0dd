// Xebec as a server under measurement: the same bundled program that users run.
import { existsSync, mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { freePort, type ServerCommand } from './server-process.ts';

const root = resolve(fileURLToPath(new URL('../..', import.meta.url)));

export interface XebecOptions {
  readonly config: string;
  readonly workDirectory: string;
  /** Writes a CPU profile of the server here. */
  readonly profileDirectory?: string;
  /** This program in place of a fresh bundle. */
  readonly program?: string;
}

/** Bundles the control plane; answers with the program's path. */
export async function bundleXebec(workDirectory: string): Promise<string> {
  mkdirSync(workDirectory, { recursive: true });
  const outfile = join(workDirectory, 'xebec-server.mjs');
  await build({
    absWorkingDir: root,
    entryPoints: [fileURLToPath(new URL('./xebec-entry.ts', import.meta.url))],
    outfile,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20.19',
    sourcemap: true,
    sourcesContent: false,
    logLevel: 'error',
    define: { 'process.env.NODE_ENV': '"production"' },
    banner: {
      js: [
        "import { createRequire as __createRequire } from 'node:module';",
        "import { fileURLToPath as __toPath } from 'node:url';",
        "import { dirname as __toDirectory } from 'node:path';",
        'const require = __createRequire(import.meta.url);',
        'const __filename = __toPath(import.meta.url);',
        'const __dirname = __toDirectory(__filename);',
      ].join('\n'),
    },
  });
  return outfile;
}

export async function xebecCommand(options: XebecOptions): Promise<ServerCommand> {
  const port = await freePort();
  const http = await freePort();
  const program = options.program ?? (await bundleXebec(options.workDirectory));
  if (!existsSync(program)) throw new Error(`${program} does not exist`);
  const profile =
    options.profileDirectory === undefined
      ? []
      : ['--cpu-prof', `--cpu-prof-dir=${options.profileDirectory}`];
  return {
    name: 'xebec',
    file: process.execPath,
    args: [
      ...profile,
      program,
      'controlplane',
      '--config-dir',
      options.config,
      '--xds-plaintext',
      `127.0.0.1:${port}`,
      '--http',
      `127.0.0.1:${http}`,
    ],
    logFile: join(options.workDirectory, 'xebec.log'),
    address: `127.0.0.1:${port}`,
  };
}
