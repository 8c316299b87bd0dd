// xebec down: ends the mesh of a state directory; when none runs, there is nothing to do.
import { stateOption } from '../options/shared-options.ts';
import { type DefineCommand, newCommand } from './command.ts';

export interface DownOptions {
  readonly state?: string;
}

export const defineDown: DefineCommand = (cli, finish) =>
  newCommand('down', 'end the mesh and every process it started; state and history stay')
    .addOption(stateOption())
    .action(async (options: DownOptions) => {
      const { down } = await import('../mesh/down.ts');
      finish(await down(cli, options));
    });
