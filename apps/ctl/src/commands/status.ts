// xebec status: the front page of a mesh.
import { outputOption, stateOption } from '../options/shared-options.ts';
import { type DefineCommand, newCommand } from './command.ts';

export interface StatusOptions {
  readonly output: 'table' | 'json';
  readonly state?: string;
}

export const defineStatus: DefineCommand = (cli, finish) =>
  newCommand('status', 'how the mesh is: its parts, workloads, certificates, and what is wrong', [
    'xebec status',
    'xebec status -o json',
  ])
    .addOption(outputOption('table', 'json'))
    .addOption(stateOption())
    .action(async (options: StatusOptions) => {
      const { status } = await import('../status/status.ts');
      finish(await status(cli, options));
    });
