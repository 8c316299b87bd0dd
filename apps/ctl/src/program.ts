// The whole command: what there is, and how usage errors end. Commands load what they need when they run.
import { Command, CommanderError } from 'commander';
import type { Cli } from './cli.ts';
import { defineAgent } from './commands/agent.ts';
import { defineAnalyze } from './commands/analyze.ts';
import { defineApply } from './commands/apply.ts';
import { defineAudit } from './commands/audit.ts';
import { defineAuthz } from './commands/authz.ts';
import { defineCa } from './commands/ca.ts';
import type { DefineCommand } from './commands/command.ts';
import { defineCompletion } from './commands/completion.ts';
import { defineControlPlane } from './commands/control-plane.ts';
import { defineConvert } from './commands/convert.ts';
import { defineDelete } from './commands/delete.ts';
import { defineDown } from './commands/down.ts';
import { defineExplain } from './commands/explain.ts';
import { defineGet } from './commands/get.ts';
import { defineHistory } from './commands/history.ts';
import { defineLogs } from './commands/logs.ts';
import { defineMetrics } from './commands/metrics.ts';
import { definePolicy } from './commands/policy.ts';
import { defineProxyConfig } from './commands/proxy-config.ts';
import { defineProxyStatus } from './commands/proxy-status.ts';
import { defineQuota } from './commands/quota.ts';
import { defineRollback } from './commands/rollback.ts';
import { defineRollout } from './commands/rollout.ts';
import { defineStatus } from './commands/status.ts';
import { defineTest } from './commands/test.ts';
import { defineUp } from './commands/up.ts';
import { defineValidate } from './commands/validate.ts';
import { defineVersion } from './commands/version.ts';
import { exitCode } from './exit-code.ts';
import { version } from './version.ts';

const groups: readonly (readonly [heading: string, commands: readonly DefineCommand[]])[] = [
  ['Run a mesh:', [defineUp, defineDown]],
  [
    'Change it:',
    [
      defineApply,
      defineDelete,
      defineRollback,
      defineRollout,
      defineHistory,
      defineValidate,
      defineTest,
      defineConvert,
    ],
  ],
  [
    'See what is going on:',
    [
      defineStatus,
      defineGet,
      defineAnalyze,
      defineExplain,
      defineAuthz,
      defineAudit,
      defineQuota,
      defineProxyStatus,
      defineProxyConfig,
      defineLogs,
      defineMetrics,
      defineVersion,
    ],
  ],
  ['Identities:', [defineCa]],
  ['Run the parts by themselves:', [defineControlPlane, defineAgent, definePolicy]],
  ['Other:', [defineCompletion]],
];

const examples = `
Examples:
  xebec up                                    a mesh with the Bookinfo sample, on this machine, without root
  xebec apply --wait -f routes.yaml           change something, and wait until every proxy has it
  xebec proxy-status                          who has what
  source <(xebec completion bash)             completions for this shell`;

/** Builds the command tree; `finish` gets the exit code of the command that runs. */
export function buildProgram(cli: Cli, finish: (code: number) => void): Command {
  const program = new Command('xebec')
    .description('A service mesh around unmodified Envoy: on a laptop, with the kinds and names of Istio.')
    .version(version, '-V, --version', 'print the version of this command')
    .helpCommand(true)
    .addHelpText('after', examples);
  for (const [heading, commands] of groups) {
    program.commandsGroup(heading);
    for (const define of commands) program.addCommand(define(cli, finish));
  }
  for (const command of [program, ...program.commands, ...program.commands.flatMap((one) => one.commands)]) {
    command.exitOverride().showHelpAfterError(`("xebec${pathOf(command)} --help" shows how it is used)`);
    command.configureOutput({
      writeOut: (text) => cli.stdout.write(text),
      writeErr: (text) => cli.stderr.write(text),
      getOutHasColors: () => false,
      getErrHasColors: () => false,
    });
  }
  return program;
}

const pathOf = (command: Command): string => {
  const names: string[] = [];
  for (let one: Command | null = command; one?.parent != null; one = one.parent) names.unshift(one.name());
  return names.map((name) => ` ${name}`).join('');
};

/** Runs one command line to its end. */
export async function runProgram(cli: Cli, args: readonly string[]): Promise<number> {
  let code: number = exitCode.done;
  const program = buildProgram(cli, (result) => {
    code = result;
  });
  try {
    await program.parseAsync(args, { from: 'user' });
    return code;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCode.done : exitCode.wrongUsage;
    throw error;
  }
}
