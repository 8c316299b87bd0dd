// Where the sample lies: beside the command, in a checkout and in a package alike.
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';

const sample = join('samples', 'bookinfo');

/** The Bookinfo sample, looked for upwards from the program. */
export function sampleDirectory(program: string): string | undefined {
  let directory = dirname(program);
  for (;;) {
    const candidate = join(directory, sample);
    if (existsSync(join(candidate, 'bookinfo.yaml'))) return candidate;
    const parent = dirname(directory);
    if (parent === directory) return undefined;
    directory = parent;
  }
}
