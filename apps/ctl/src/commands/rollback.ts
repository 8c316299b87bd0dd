// xebec rollback: goes back to the state after a revision, as a new revision.
import { Option } from 'commander';
import { durationArgument, outputOption, stateOption } from '../options/shared-options.ts';
import { type DefineCommand, newCommand } from './command.ts';
import { revisionArgument } from './history.ts';

export interface RollbackOptions {
  readonly wait?: number;
  readonly output: 'table' | 'json';
  readonly state?: string;
}

export const defineRollback: DefineCommand = (cli, finish) =>
  newCommand('rollback', 'restore the state after a revision; the history only grows', [
    'xebec rollback 12 --wait',
  ])
    .argument('<revision>', 'number of the revision to go back to', revisionArgument)
    .addOption(
      new Option(
        '--wait [timeout]',
        'wait until the proxies concerned have it; exit 3 when they do not in time',
      )
        .argParser(durationArgument)
        .preset('30s'),
    )
    .addOption(outputOption('table', 'json'))
    .addOption(stateOption())
    .action(async (revision: number, options: RollbackOptions) => {
      const { rollback } = await import('../history/rollback.ts');
      finish(await rollback(cli, revision, options));
    });
