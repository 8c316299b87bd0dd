// xebec get: lists objects, or shows one.
import { namespaceOption, outputOption, stateOption } from '../options/shared-options.ts';
import { type DefineCommand, newCommand } from './command.ts';

export interface GetOptions {
  readonly namespace: string;
  readonly allNamespaces?: boolean;
  readonly output: 'table' | 'yaml' | 'json';
  readonly state?: string;
}

export const defineGet: DefineCommand = (cli, finish) =>
  newCommand('get', 'list objects of a kind, or show one', [
    'xebec get pods -A',
    'xebec get vs reviews -o yaml',
    'xebec get all',
  ])
    .argument(
      '<kind>',
      'kind, plural or short name: VirtualService, virtualservices, vs, all …; several with commas between them',
    )
    .argument('[name]', 'one object')
    .addOption(namespaceOption())
    .option('-A, --all-namespaces', 'in every namespace')
    .addOption(outputOption('table', 'yaml', 'json'))
    .addOption(stateOption())
    .action(async (kind: string, name: string | undefined, options: GetOptions) => {
      const { get } = await import('../get/get.ts');
      finish(await get(cli, { ...options, kind, name }));
    });
