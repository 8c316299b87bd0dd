// The versions of what takes part: this command, the control plane when one runs, Envoy when one is found.
import { spawnSync } from 'node:child_process';
import { controlPlaneOf } from '../admin/control-plane.ts';
import { at, textOf } from '../admin/json.ts';
import type { Cli } from '../cli.ts';
import type { VersionOptions } from '../commands/version.ts';
import { type ExitCode, exitCode } from '../exit-code.ts';
import { readMeshRecord } from '../mesh/mesh-record.ts';
import { printStructured } from '../output/structured.ts';
import { formatTable } from '../output/table.ts';
import { stateDirectory } from '../state/state-directory.ts';
import { version } from '../version.ts';

export async function showVersions(cli: Cli, options: VersionOptions): Promise<ExitCode> {
  const state = stateDirectory(cli, options.state);
  const answer = await controlPlaneOf(state).get('/v1/version');
  const controlPlane = answer.ok ? textOf(at(answer.value, 'version')) || null : null;
  const envoy = await envoyVersion(cli, state);
  const value = { client: version, controlPlane, envoy, node: process.versions.node };
  if (options.output !== 'table') {
    await printStructured(cli, options.output, value);
    return exitCode.done;
  }
  const rows = [
    ['client', version],
    ['control plane', controlPlane ?? 'not running'],
    ['envoy', envoy ?? 'not found; "xebec up" installs it'],
    ['node', process.versions.node],
  ];
  cli.stdout.write(formatTable(['PART', 'VERSION'], rows));
  return exitCode.done;
}

/** Of the Envoy that the mesh uses, or that a new one would; nothing is installed for this. */
async function envoyVersion(cli: Cli, state: string): Promise<string | null> {
  const used = readMeshRecord(state)?.envoy;
  const path = used ?? (await locatedEnvoy(cli));
  if (path === undefined) return null;
  const { stdout } = spawnSync(path, ['--version'], { encoding: 'utf8', timeout: 10_000 });
  return /\/(\d+\.\d+\.\d+[^/]*)\//.exec(stdout ?? '')?.[1] ?? null;
}

async function locatedEnvoy(cli: Cli): Promise<string | undefined> {
  const { locateEnvoy } = await import('@xebec/supervise');
  // Without python3 nothing can be installed: this only looks.
  const notInstalling = () => Promise.resolve({ kind: 'not-found' } as const);
  const located = await locateEnvoy({
    env: cli.env,
    run: async (command, args, runOptions) => {
      const { runCommand } = await import('@xebec/supervise');
      return command === 'python3' ? await notInstalling() : await runCommand(command, args, runOptions);
    },
  });
  return located.ok ? located.value.path : undefined;
}
