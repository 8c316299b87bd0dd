// Goes back to the state after a revision; the way back is itself a revision.
import { controlPlaneOf } from '../admin/control-plane.ts';
import { finishChange } from '../apply/apply.ts';
import { authorOf } from '../apply/author.ts';
import { readApplied } from '../apply/changes.ts';
import type { Cli } from '../cli.ts';
import type { RollbackOptions } from '../commands/rollback.ts';
import type { ExitCode } from '../exit-code.ts';
import { refuse } from '../output/diagnostics.ts';
import { stateDirectory } from '../state/state-directory.ts';

export async function rollback(cli: Cli, revision: number, options: RollbackOptions): Promise<ExitCode> {
  const controlPlane = controlPlaneOf(stateDirectory(cli, options.state));
  const answer = await controlPlane.post('/v1/rollback', { revision, author: authorOf(cli) });
  if (!answer.ok) return refuse(cli, ...answer.diagnostics);
  const applied = readApplied(answer.value);
  if (applied.revision === undefined && options.output === 'table') {
    cli.stdout.write(`nothing to do: everything is as it was after revision ${revision}\n`);
  }
  return await finishChange(cli, { controlPlane, applied, wait: options.wait, output: options.output });
}
