// xebec policy edges: who calls whom.
import { Option } from 'commander';
import { outputOption, stateOption } from '../options/shared-options.ts';
import { type DefineCommand, newCommand } from './command.ts';

export interface PolicyEdgesOptions {
  readonly namespace?: string;
  readonly handler?: string;
  readonly output: 'table' | 'json' | 'dot';
  readonly state?: string;
}

const examples = [
  'xebec policy edges',
  'xebec policy edges --namespace default -o json',
  'xebec policy edges -o dot | dot -Tsvg > mesh.svg',
];

export const definePolicyEdges: DefineCommand = (cli, finish) =>
  newCommand('edges', 'who calls whom, as handlers of the adapter "edges" have seen it', examples)
    .addOption(new Option('--namespace <name>', 'only edges that begin or end there'))
    .addOption(new Option('--handler <name>', 'only those that this handler keeps'))
    .addOption(outputOption('table', 'json', 'dot'))
    .addOption(stateOption())
    .action(async (options: PolicyEdgesOptions) => {
      const { listEdges } = await import('../policy/edges.ts');
      finish(await listEdges(cli, options));
    });
