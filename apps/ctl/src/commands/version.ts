// xebec version: this command, the running control plane, and Envoy.
import { outputOption, stateOption } from '../options/shared-options.ts';
import { type DefineCommand, newCommand } from './command.ts';

export interface VersionOptions {
  readonly output: 'table' | 'json' | 'yaml';
  readonly state?: string;
}

export const defineVersion: DefineCommand = (cli, finish) =>
  newCommand('version', 'print the versions of this command, the running control plane and Envoy')
    .addOption(outputOption('table', 'json', 'yaml'))
    .addOption(stateOption())
    .action(async (options: VersionOptions) => {
      const { showVersions } = await import('../versions/show-versions.ts');
      finish(await showVersions(cli, options));
    });
