// xebec delete: removes what documents name, or objects by kind and name.

import { Option } from 'commander';
import {
  durationArgument,
  fileOption,
  namespaceOption,
  outputOption,
  stateOption,
} from '../options/shared-options.ts';
import { type DefineCommand, newCommand } from './command.ts';

export interface DeleteOptions {
  readonly filename?: readonly string[];
  readonly namespace: string;
  readonly wait?: number;
  readonly output: 'table' | 'json';
  readonly state?: string;
}

export const defineDelete: DefineCommand = (cli, finish) =>
  newCommand('delete', 'delete objects, in one transaction', [
    'xebec delete -f routes.yaml',
    'xebec delete virtualservice reviews -n default',
  ])
    .argument('[kind]', 'kind of the objects, as in "xebec get"')
    .argument('[names...]', 'their names')
    .addOption(fileOption())
    .addOption(namespaceOption())
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
    .action(async (kind: string | undefined, names: readonly string[], options: DeleteOptions, command) => {
      if (
        (options.filename === undefined) === (kind === undefined) ||
        (kind !== undefined && names.length === 0)
      ) {
        command.error('error: give either -f FILE, or KIND and NAME');
      }
      const { deleteObjects } = await import('../apply/delete.ts');
      finish(await deleteObjects(cli, { ...options, kind, names }));
    });
