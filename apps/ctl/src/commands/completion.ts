// xebec completion: completions for bash, zsh and fish, made from the command tree itself.
import { Argument } from 'commander';
import { exitCode } from '../exit-code.ts';
import { type DefineCommand, newCommand } from './command.ts';

export const defineCompletion: DefineCommand = (cli, finish) => {
  const command = newCommand('completion', 'print completions for a shell', [
    'source <(xebec completion bash)',
    'xebec completion zsh > ~/.zfunc/_xebec',
    'xebec completion fish > ~/.config/fish/completions/xebec.fish',
  ]).addArgument(new Argument('<shell>', 'shell to complete in').choices(['bash', 'zsh', 'fish']));
  return command.action(async (shell: 'bash' | 'zsh' | 'fish') => {
    const { completionScript } = await import('../completion/completion-script.ts');
    cli.stdout.write(completionScript(command.parent ?? command, shell));
    finish(exitCode.done);
  });
};
