// xebec policy proto: the protobuf file of a template, for those who write its adapters.
import { fileOption } from '../options/shared-options.ts';
import { type DefineCommand, newCommand } from './command.ts';

export interface PolicyProtoOptions {
  readonly filename?: readonly string[];
}

export const definePolicyProto: DefineCommand = (cli, finish) =>
  newCommand('proto', 'the protobuf file of a template that is written out, for adapters outside')
    .addHelpText(
      'after',
      `
Give its output to protoc or the generator of your language, with packages/protos/proto beside it.

Examples:
  xebec policy proto lookup -f templates.yaml
  xebec policy proto kubernetes`,
    )
    .argument('<template>', 'of the files, or one that every policy service knows')
    .addOption(fileOption())
    .action(async (name: string, options: PolicyProtoOptions) => {
      const { policyProto } = await import('../policy/proto.ts');
      finish(await policyProto(cli, name, options));
    });
