// How a command is made: its name, options and examples, and an action that ends with an exit code.
import { Command } from 'commander';
import type { Cli } from '../cli.ts';

/** Everything that `xebec` is made of, in the order of `--help`. */
export type DefineCommand = (cli: Cli, finish: Finish) => Command;

/** Records how the command ended. */
export type Finish = (code: number) => void;

/** A command with a summary, and examples below its help. */
export function newCommand(name: string, summary: string, examples: readonly string[] = []): Command {
  const command = new Command(name).description(summary);
  if (examples.length > 0) {
    command.addHelpText('after', `\nExamples:\n${examples.map((line) => `  ${line}`).join('\n')}`);
  }
  return command;
}
