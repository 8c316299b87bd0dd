// A gateway of this machine as the Deployment it would be on a cluster: what documents say about gateways is checked against it.
import { type RawObject, rawObject } from '@xebec/config';

interface GatewayOnThisMachine {
  readonly name: string;
  readonly namespace: string;
  readonly labels: object;
}

/** The gateway that the agent runs beside the workloads, as the Deployment it would be on a cluster. */
export const gatewayDeployment = ({ name, namespace, labels }: GatewayOnThisMachine): RawObject =>
  rawObject(
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name, namespace },
      spec: {
        selector: { matchLabels: labels },
        template: {
          metadata: { labels, annotations: { 'inject.istio.io/templates': 'gateway' } },
          spec: { containers: [{ name: 'istio-proxy', image: 'auto' }] },
        },
      },
    },
    { object: `LocalImages gateway ${name}` },
  );
