// xebec validate: says what is wrong with documents; needs no mesh.
import { fileOption, outputOption } from '../options/shared-options.ts';
import { type DefineCommand, newCommand } from './command.ts';

export interface ValidateOptions {
  readonly filename: readonly string[];
  readonly allowMissing?: boolean;
  readonly namespace: string;
  readonly output: 'table' | 'json' | 'yaml';
}

export const defineValidate: DefineCommand = (cli, finish) =>
  newCommand(
    'validate',
    'check documents without a running mesh: schema, meaning, and references among them',
    ['xebec validate -f samples/bookinfo', 'xebec validate -f routes.yaml -o json'],
  )
    .addOption(fileOption().makeOptionMandatory())
    .option('--allow-missing', 'only warn of references to what these documents do not hold')
    .option('-n, --namespace <name>', 'namespace of documents that name none', 'default')
    .addOption(outputOption('table', 'json', 'yaml'))
    .action(async (options: ValidateOptions) => {
      const { validate } = await import('../validate/validate.ts');
      finish(await validate(cli, options));
    });
