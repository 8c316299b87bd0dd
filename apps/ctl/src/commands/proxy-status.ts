// xebec proxy-status: which proxy has what, what it refused, and why.
import { outputOption, stateOption } from '../options/shared-options.ts';
import { type DefineCommand, newCommand } from './command.ts';

export interface ProxyStatusOptions {
  readonly output: 'table' | 'json' | 'yaml';
  readonly state?: string;
}

export const defineProxyStatus: DefineCommand = (cli, finish) =>
  newCommand('proxy-status', 'whether each proxy has the newest configuration, and what it refused', [
    'xebec proxy-status',
    'xebec proxy-status productpage-v1',
  ])
    .alias('ps')
    .argument('[workload]', 'pod, POD.NAMESPACE, deployment, or the unique beginning of one')
    .addOption(outputOption('table', 'json', 'yaml'))
    .addOption(stateOption())
    .action(async (workload: string | undefined, options: ProxyStatusOptions) => {
      const { proxyStatus } = await import('../proxies/proxy-status.ts');
      finish(await proxyStatus(cli, workload, options));
    });
