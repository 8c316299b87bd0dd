// xebec convert: rules of older meshes in the kinds of today; needs no mesh.

import { Option } from 'commander';
import { fileOption } from '../options/shared-options.ts';
import { type DefineCommand, newCommand } from './command.ts';

export interface ConvertOptions {
  readonly filename: readonly string[];
  readonly namespace: string;
  readonly output: 'yaml' | 'json';
  readonly skipRefused?: boolean;
}

export const defineConvert: DefineCommand = (cli, finish) =>
  newCommand(
    'convert',
    'turn rules of 2017 (config.istio.io/v1alpha2: RouteRule …), adapters and templates of 2018 (denier, metric …) and roles (rbac.istio.io/v1alpha1: ServiceRole …) into the kinds of today',
    ['xebec convert -f old-rules.yaml > rules.yaml', 'xebec convert -f old/ | xebec apply -f -'],
  )
    .addOption(fileOption().makeOptionMandatory())
    .option('-n, --namespace <name>', 'namespace of documents that name none', 'default')
    .option('--skip-refused', 'write what can be converted although something cannot')
    .addOption(new Option('-o, --output <format>', 'output format').choices(['yaml', 'json']).default('yaml'))
    .action(async (options: ConvertOptions) => {
      const { convert } = await import('../convert/convert.ts');
      finish(await convert(cli, options));
    });
