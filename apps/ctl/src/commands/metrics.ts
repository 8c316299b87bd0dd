// xebec metrics: the page that a Prometheus would read, with the token of the mesh.
import { stateOption } from '../options/shared-options.ts';
import { type DefineCommand, newCommand } from './command.ts';

export interface MetricsOptions {
  readonly state?: string;
}

export const defineMetrics: DefineCommand = (cli, finish) =>
  newCommand('metrics', 'print the metrics of a workload, or of the control plane', [
    'xebec metrics productpage-v1 | grep istio_requests_total',
    'xebec metrics control-plane',
  ])
    .argument('<workload>', 'pod, POD.NAMESPACE, deployment, the beginning of one; control-plane')
    .addOption(stateOption())
    .action(async (workload: string, options: MetricsOptions) => {
      const { printMetrics } = await import('../metrics/print-metrics.ts');
      finish(await printMetrics(cli, workload, options));
    });
