// Who changes something, for the history: the name of the user of this machine.
import { userInfo } from 'node:os';
import type { Cli } from '../cli.ts';

export function authorOf(cli: Pick<Cli, 'env'>): string {
  const chosen = cli.env['XEBEC_AUTHOR'];
  if (chosen !== undefined && chosen !== '') return chosen;
  try {
    return userInfo().username;
  } catch {
    // A user without an entry in the password file.
    return `uid ${process.getuid?.() ?? 'unknown'}`;
  }
}
