// xebec policy rules|handlers|check: what the running policy service did, and what it says to a call.
import { outputOption, stateOption } from '../options/shared-options.ts';
import { type DefineCommand, newCommand } from './command.ts';

export interface PolicyInspectOptions {
  readonly output: 'table' | 'json';
  readonly state?: string;
}

export interface PolicyCheckOptions extends PolicyInspectOptions {
  readonly attributes?: string;
}

const output = () => outputOption('table', 'json');

export const definePolicyRules: DefineCommand = (cli, finish) =>
  newCommand('rules', 'how many calls rules matched, refused and failed in, of those the service was told', [
    'xebec policy rules',
  ])
    .addOption(output())
    .addOption(stateOption())
    .action(async (options: PolicyInspectOptions) => {
      const { showRules } = await import('../policy/rules.ts');
      finish(await showRules(cli, options));
    });

export const definePolicyHandlers: DefineCommand = (cli, finish) =>
  newCommand('handlers', 'calls, errors and lost reports of handlers, and what is wrong with them', [
    'xebec policy handlers',
  ])
    .addOption(output())
    .addOption(stateOption())
    .action(async (options: PolicyInspectOptions) => {
      const { showHandlers } = await import('../policy/handlers.ts');
      finish(await showHandlers(cli, options));
    });

export const definePolicyCheck: DefineCommand = (cli, finish) =>
  newCommand('check', 'ask the running policy service about a call')
    .addHelpText(
      'after',
      `
The service answers as it answers everybody: the call counts, and quotas that proxies would ask for are charged when
context.reporter.kind is "inbound".
Exit code 0: it is allowed, 1: it is refused, 2: it cannot be asked.

Examples:
  xebec policy check --attributes call.json
  echo '{"destination.namespace": "default", "source.labels": {"version": "v2"}}' | xebec policy check --attributes -`,
    )
    .option('--attributes <file>', 'JSON: names and values; - for standard input (default: none)')
    .addOption(output())
    .addOption(stateOption())
    .action(async (options: PolicyCheckOptions) => {
      const { checkCall } = await import('../policy/check.ts');
      finish(await checkCall(cli, options));
    });
