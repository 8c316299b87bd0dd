// xebec policy eval: tries an expression.
import { Option } from 'commander';
import { outputOption } from '../options/shared-options.ts';
import { type DefineCommand, newCommand } from './command.ts';

export interface PolicyEvalOptions {
  readonly manifest?: readonly string[];
  readonly attributes?: string;
  readonly language: 'istio' | 'cel';
  readonly output: 'table' | 'json';
}

export const definePolicyEval: DefineCommand = (cli, finish) =>
  newCommand('eval', 'the type and the value of an expression, and the attributes that it depends on')
    .addHelpText(
      'after',
      `
Exit code 0: it has a value, 1: it is refused or fails, 2: it cannot be tried.

Examples:
  xebec policy eval 'request.size | 200' --attributes call.json
  xebec policy eval --manifest attributes.yaml --attributes call.json 'team.budget + 1' -o json
  xebec policy eval --language cel "request.headers['x-user'] == 'ann'" --attributes call.json`,
    )
    .argument('<expression>', 'behind -- when it begins with a dash')
    .addOption(
      new Option(
        '--manifest <file>',
        'attributemanifests, or a map of names to types, beside the attributes of every mesh; may be repeated',
      ).argParser((value: string, previous: readonly string[] | undefined) => [...(previous ?? []), value]),
    )
    .option('--attributes <file>', 'JSON: names and values; - for standard input (default: none)')
    .addOption(
      new Option('--language <language>', 'of the expression').choices(['istio', 'cel']).default('istio'),
    )
    .addOption(outputOption('table', 'json'))
    .action(async (expression: string, options: PolicyEvalOptions) => {
      const { policyEval } = await import('../policy/eval.ts');
      finish(await policyEval(cli, expression, options));
    });
