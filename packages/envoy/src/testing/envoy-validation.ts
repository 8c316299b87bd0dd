// Real Envoy as the judge of resources: many meshes in one bootstrap, which it reads and checks without binding a port.
import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import type { EncodedResource } from '../resource.ts';
import { type CheckedResource, validationBootstrap } from '../validation/validation-bootstrap.ts';
import { bytesOf, type ConfigMesh, resourcesOf, type typeNames } from './config-mesh.ts';

/** `$ENVOY_PATH`, or the one installed before; tests install none. */
export function findEnvoy(): string | undefined {
  const cache = process.env['XEBEC_CACHE'] ?? join(homedir(), '.cache', 'xebec');
  const platform = `${process.platform}-${process.arch}`;
  const candidates = [process.env['ENVOY_PATH'], join(cache, 'envoy', `1.40.0-${platform}`, 'envoy')];
  return candidates.find((path) => path !== undefined && path !== '' && existsSync(path));
}

/** Everything to be checked in one go; names carry the case, since one bootstrap holds them all. */
export interface Validation {
  /** All resources of a mesh, or those that are wanted. */
  add(name: string, mesh: Pick<ConfigMesh, 'types'>, isWanted?: IsWanted): void;
  /** What Envoy says against it; undefined when it takes all. */
  run(envoyPath: string): Promise<string | undefined>;
}

export function createValidation(): Validation {
  const resources: CheckedResource[] = [];
  return {
    add: (name, mesh, isWanted) => void resources.push(...checkedOf(name, mesh, isWanted)),
    run: (envoyPath) => validate(envoyPath, validationBootstrap(resources)),
  };
}

type IsWanted = (resource: EncodedResource) => boolean;

function checkedOf(
  name: string,
  mesh: Pick<ConfigMesh, 'types'>,
  isWanted: IsWanted = () => true,
): readonly CheckedResource[] {
  const types = [
    'clusters',
    'endpoints',
    'listeners',
    'routes',
    'secrets',
  ] as const satisfies (keyof typeof typeNames)[];
  return types.flatMap((type) =>
    resourcesOf(mesh, type)
      .filter(([, resource]) => resource.isAbsent !== true && isWanted(resource))
      .map(([key, resource, typeUrl]) => ({ typeUrl, label: `${name}~${key}`, bytes: bytesOf(resource) })),
  );
}

async function validate(envoyPath: string, bootstrap: Uint8Array): Promise<string | undefined> {
  const directory = mkdtempSync(join(tmpdir(), 'xebec-validate-'));
  const file = join(directory, 'bootstrap.pb');
  writeFileSync(file, bootstrap);
  try {
    return await new Promise((resolve) => {
      const flags = ['--mode', 'validate', '-c', file, '--log-level', 'error'];
      execFile(envoyPath, flags, { timeout: 120_000, maxBuffer: 1 << 24 }, (error, stdout, stderr) =>
        resolve(error === null ? undefined : `${stdout}${stderr}`.slice(0, 4_000)),
      );
    });
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
