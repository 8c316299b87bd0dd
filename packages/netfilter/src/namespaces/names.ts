// Names of what a mesh adds to the kernel: derived from its state directory, so two meshes never share one.
import { createHash } from 'node:crypto';
import { realpathSync } from 'node:fs';
import { resolve } from 'node:path';

export interface MeshNames {
  /** A number that spreads meshes over subnets. */
  readonly seed: number;
  /** The network interface of the root namespace, at most 15 bytes. */
  readonly hostLink: string;
  /** The namespace that holds the bridge, away from the host's firewall. */
  readonly bridgeNamespace: string;
  /** What the names of all its namespaces begin with. */
  readonly prefix: string;
}

export function meshNames(stateDirectory: string): MeshNames {
  const hash = createHash('sha256').update(realPath(stateDirectory)).digest('hex').slice(0, 8);
  const prefix = `xebec-${hash}-`;
  return {
    seed: Number.parseInt(hash, 16),
    hostLink: `xb${hash}`,
    bridgeNamespace: `${prefix}bridge`,
    prefix,
  };
}

/** A namespace for one workload: readable, and unique by its slot. */
export function workloadNamespace(names: MeshNames, pod: string, slot: number): string {
  const short = pod.replaceAll(/[^a-zA-Z0-9.-]/g, '-').slice(0, 40);
  return `${names.prefix}${slot}-${short}`;
}

function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return resolve(path);
  }
}
