// Takes certificates back, or gives them back, and says how many that were.

import { controlPlaneOf } from '../admin/control-plane.ts';
import { at, numberOf } from '../admin/json.ts';
import type { Cli } from '../cli.ts';
import { type ExitCode, exitCode } from '../exit-code.ts';
import { refuse } from '../output/diagnostics.ts';
import { inOneLine } from '../output/printable.ts';
import { plural } from '../output/table.ts';
import { stateDirectory } from '../state/state-directory.ts';

export interface Revocation {
  readonly verb: 'revoke' | 'unrevoke';
  /** A serial number or a SPIFFE id. */
  readonly what: string;
}

export async function revoke(
  cli: Cli,
  { verb, what }: Revocation,
  state: string | undefined,
): Promise<ExitCode> {
  const answer = await controlPlaneOf(stateDirectory(cli, state)).post(`/v1/ca/${verb}`, { what });
  if (!answer.ok) return refuse(cli, ...answer.diagnostics);
  const count = plural(numberOf(at(answer.value, 'certificates')) ?? 0, 'certificate');
  const done = verb === 'revoke' ? 'revoked' : 'no longer revoked';
  const more = what.startsWith('spiffe:') && verb === 'revoke' ? '; the identity gets no other one' : '';
  cli.stdout.write(`${inOneLine(what)}: ${count} ${done}${more}\n`);
  return exitCode.done;
}
