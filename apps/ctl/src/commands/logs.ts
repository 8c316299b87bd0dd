// xebec logs: what a workload, its Envoy, or a part of the mesh wrote.
import { Option } from 'commander';
import { stateOption } from '../options/shared-options.ts';
import { type DefineCommand, newCommand } from './command.ts';
import { revisionArgument } from './history.ts';

export interface LogsOptions {
  readonly envoy?: boolean;
  readonly access?: boolean;
  readonly follow?: boolean;
  readonly tail?: number;
  readonly state?: string;
}

export const defineLogs: DefineCommand = (cli, finish) =>
  newCommand('logs', 'print the log of a workload, its Envoy, or its access log', [
    'xebec logs reviews-v2',
    'xebec logs productpage-v1 --access -f',
    'xebec logs control-plane',
  ])
    .argument(
      '<workload>',
      'pod, POD.NAMESPACE, deployment, the beginning of one; control-plane, agent, policy or up',
    )
    .addOption(new Option('--envoy', "Envoy's own log").conflicts('access'))
    .option('--access', 'the access log')
    .option('-f, --follow', 'go on with what comes')
    .option('--tail <lines>', 'only the last lines', revisionArgument)
    .addOption(stateOption())
    .action(async (workload: string, options: LogsOptions) => {
      const { logs } = await import('../logs/logs.ts');
      finish(await logs(cli, workload, options));
    });
