// Which processes belong to a mesh, by what their command lines name: how tests see that nothing is left.
import { readdirSync, readFileSync } from 'node:fs';

export interface FoundProcess {
  readonly pid: number;
  readonly command: string;
}

/** Living processes whose command line names a path, this one aside. */
export const processesNaming = (path: string): readonly FoundProcess[] =>
  readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry) && Number(entry) !== process.pid)
    .flatMap((entry) => {
      try {
        const line = readFileSync(`/proc/${entry}/cmdline`, 'utf8').replaceAll('\0', ' ');
        const isAlive = !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${entry}/status`, 'utf8'));
        return line.includes(path) && isAlive ? [{ pid: Number(entry), command: line }] : [];
      } catch {
        return [];
      }
    });
