// xebec history: the revisions of a mesh, newest first.
import { InvalidArgumentError } from 'commander';
import { outputOption, stateOption } from '../options/shared-options.ts';
import { type DefineCommand, newCommand } from './command.ts';

export interface HistoryOptions {
  readonly limit: number;
  readonly diff?: boolean;
  readonly output: 'table' | 'json' | 'yaml';
  readonly state?: string;
}

export function revisionArgument(text: string): number {
  const revision = Number(text);
  if (/^\d{1,15}$/.test(text)) return revision;
  throw new InvalidArgumentError('write the number of a revision; "xebec history" lists them.');
}

export const defineHistory: DefineCommand = (cli, finish) =>
  newCommand('history', 'list revisions: when, who, what changed', ['xebec history --diff -l 1'])
    .argument('[revision]', 'one revision, with its diff', revisionArgument)
    .option('-l, --limit <count>', 'how many, newest first', revisionArgument, 20)
    .option('--diff', 'show the changed lines')
    .addOption(outputOption('table', 'json', 'yaml'))
    .addOption(stateOption())
    .action(async (revision: number | undefined, options: HistoryOptions) => {
      const { history } = await import('../history/history.ts');
      finish(await history(cli, { ...options, ...(revision === undefined ? {} : { revision }) }));
    });
