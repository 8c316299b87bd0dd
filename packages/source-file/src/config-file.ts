// Which files hold configuration, and where the roots are that somebody named.
import { sep } from 'node:path';

const extension = /\.(?:ya?ml|json)$/i;

/** A directory to look through, or a single file. */
export interface Root {
  readonly path: string;
  readonly isFile: boolean;
}

const test = /\.test\.ya?ml$/i;

/** False for hidden files, what editors leave beside a file while it is open, and tests of policies. */
export function isConfigName(name: string): boolean {
  if (test.test(name)) return false;
  return extension.test(name) && !name.startsWith('.') && !name.startsWith('#') && !name.startsWith('~$');
}

export const isHidden = (name: string): boolean => name.startsWith('.');

/** True when `path` is `root` or below it. */
export const isWithin = (path: string, root: string): boolean =>
  path === root || path.startsWith(root.endsWith(sep) ? root : `${root}${sep}`);
