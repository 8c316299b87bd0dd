// xebec metrics: the page that a Prometheus would read, with the token of the mesh.
import { stateOption } from '../options/shared-options.ts';
import { type DefineCommand, newCommand } from './command.ts';

export interface MetricsOptions {
  readonly state?: string;
}

export const defineMetrics: DefineCommand = (cli, finish) =>
  newCommand('metrics', 'print the metrics of a workload, of the control plane or of the policy service', [
    'xebec metrics productpage-v1 | grep istio_requests_total',
    'xebec metrics control-plane',
    'xebec metrics policy-service | grep xebec_policy_rule',
  ])
    .argument(
      '<workload>',
      'pod, POD.NAMESPACE, deployment, the beginning of one; control-plane; policy-service',
    )
    .addOption(stateOption())
    .action(async (workload: string, options: MetricsOptions) => {
      const { printMetrics } = await import('../metrics/print-metrics.ts');
      finish(await printMetrics(cli, workload, options));
    });
