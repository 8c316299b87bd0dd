// xebec apply: sends documents as one transaction, and waits until the proxies have it when asked.
import { Option } from 'commander';
import { durationArgument, fileOption, outputOption, stateOption } from '../options/shared-options.ts';
import { type DefineCommand, newCommand } from './command.ts';

export interface ApplyOptions {
  readonly filename: readonly string[];
  readonly wait?: number;
  readonly dryRun?: boolean;
  readonly message?: string;
  readonly namespace: string;
  readonly output: 'table' | 'json';
  readonly state?: string;
}

export const defineApply: DefineCommand = (cli, finish) =>
  newCommand('apply', 'create or change objects: all documents in one transaction, or none', [
    'xebec apply -f routes.yaml --wait          wait until every proxy concerned has it (30s at most)',
    'xebec apply -f config/ --dry-run           what would change, as a diff',
    'cat rule.yaml | xebec apply -f -',
  ])
    .addOption(fileOption().makeOptionMandatory())
    .addOption(
      new Option(
        '--wait [timeout]',
        'wait until the proxies concerned have it; exit 3 when they do not in time',
      )
        .argParser(durationArgument)
        .preset('30s'),
    )
    .option('--dry-run', 'only show what would change')
    .option('-m, --message <text>', 'why, for the history')
    .option('-n, --namespace <name>', 'namespace of documents that name none', 'default')
    .addOption(outputOption('table', 'json'))
    .addOption(stateOption())
    .action(async (options: ApplyOptions) => {
      const { apply } = await import('../apply/apply.ts');
      finish(await apply(cli, options));
    });
