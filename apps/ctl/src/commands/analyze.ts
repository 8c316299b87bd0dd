// xebec analyze: what is wrong with a mesh that runs, or with documents alone.
import { Option } from 'commander';
import { fileOption, outputOption, stateOption } from '../options/shared-options.ts';
import { type DefineCommand, newCommand } from './command.ts';

export interface AnalyzeOptions {
  /** Absent: the mesh that runs. */
  readonly filename?: readonly string[];
  readonly namespace?: string;
  readonly severity: 'error' | 'warning' | 'info';
  readonly output: 'table' | 'json';
  readonly state?: string;
}

export const defineAnalyze: DefineCommand = (cli, finish) =>
  newCommand(
    'analyze',
    'find mistakes: references to nothing, rules that nothing reaches, conflicts; in the running mesh or in files',
    ['xebec analyze', 'xebec analyze -f samples/bookinfo -f routes.yaml', 'xebec analyze -n default -o json'],
  )
    .addOption(fileOption())
    .option(
      '-n, --namespace <name>',
      'only findings of this namespace, where documents that name none belong too',
    )
    .addOption(
      new Option('--severity <severity>', 'leave out what is less grave')
        .choices(['error', 'warning', 'info'])
        .default('info'),
    )
    .addOption(outputOption('table', 'json'))
    .addOption(stateOption())
    .action(async (options: AnalyzeOptions) => {
      const { analyze } = await import('../analyze/analyze.ts');
      finish(await analyze(cli, options));
    });
