// Prints what transparent capture would apply in a workload's namespace; changes nothing.
import { defaultRules, renderRules } from '@xebec/netfilter';
import type { Cli } from '../cli.ts';
import type { IptablesFlags } from '../commands/agent.ts';
import { type ExitCode, exitCode } from '../exit-code.ts';
import { refuse } from '../output/diagnostics.ts';
import { printStructured } from '../output/structured.ts';

const dnsCapture = { address: '127.0.0.1', port: 15053 };

export async function printCaptureRules(
  cli: Cli,
  { backend, dns, output }: IptablesFlags,
): Promise<ExitCode> {
  const rendered = renderRules({ ...defaultRules, ...(dns === true ? { dnsCapture } : {}) }, backend);
  if (!rendered.ok) return refuse(cli, ...rendered.diagnostics);
  if (output === 'json') {
    await printStructured(cli, 'json', { rules: rendered.value });
    return exitCode.done;
  }
  for (const { command, text } of rendered.value)
    cli.stdout.write(`# ${command.join(' ')}\n${text.trimEnd()}\n`);
  return exitCode.done;
}
