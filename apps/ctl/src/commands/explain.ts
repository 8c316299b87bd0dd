// xebec explain: why something is as it is.
import { fileOption, namespaceOption, outputOption, stateOption } from '../options/shared-options.ts';
import type { AskedMeshOptions } from './authz.ts';
import { type DefineCommand, newCommand } from './command.ts';

export const defineExplain: DefineCommand = (cli, finish) => {
  const explain = newCommand('explain', 'say why something is as it is');
  explain
    .command('policy')
    .description('where a rule of the policy service is enforced for each workload, and why there')
    .addHelpText(
      'after',
      `
proxy: the sidecar refuses by itself; call: the policy service is asked; report: it is told afterwards.

Examples:
  xebec explain policy deny-writes
  xebec explain policy limits.istio-system -f policies.yaml -f samples/bookinfo -o json`,
    )
    .argument('<rule>', 'NAME or NAME.NAMESPACE of a rule')
    .addOption(fileOption().default(undefined, 'the mesh that runs'))
    .addOption(namespaceOption())
    .addOption(outputOption('table', 'json'))
    .addOption(stateOption())
    .action(async (rule: string, options: AskedMeshOptions) => {
      const { explainPolicy } = await import('../explain/policy.ts');
      finish(await explainPolicy(cli, rule, options));
    });
  return explain;
};
