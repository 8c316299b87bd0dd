// The application processes of a mesh as the system knows them: which process, since when, made of which files.
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Pod } from './mesh.ts';

/** By Pod: pid and the moment it began, so that a restart shows even when the pid is the same. */
export function applicationsOf(pods: readonly Pod[]): Readonly<Record<string, string>> {
  // Names of Pods are the same in every mesh of a sample; their addresses are not.
  const podsByAddress = new Map(pods.map(({ ip, name }) => [ip, name]));
  const found: Record<string, string> = {};
  for (const pid of readdirSync('/proc').filter((entry) => /^\d+$/.test(entry))) {
    try {
      const variables = readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0');
      const address = variables.find((text) => text.startsWith('POD_IP='))?.slice('POD_IP='.length) ?? '';
      const isProxy = readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('--config-path');
      const name = podsByAddress.get(address);
      if (name !== undefined && !isProxy) found[name] = `${pid} since ${startOf(pid)}`;
    } catch {
      // Gone in between, or not ours.
    }
  }
  return found;
}

/** Clock ticks since the system began; field 22 of `stat`, counted after the name, which may hold spaces. */
function startOf(pid: string): string {
  const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
  return text.slice(text.lastIndexOf(')') + 2).split(' ')[19] ?? '';
}

/** Content hashes of all files below a directory. */
export function hashesOf(directory: string): Readonly<Record<string, string>> {
  return Object.fromEntries(
    readdirSync(directory, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name))
      .sort()
      .map((file) => [file, createHash('sha256').update(readFileSync(file)).digest('hex')]),
  );
}
