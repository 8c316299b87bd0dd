// A workload to run: a Deployment, or a gateway of LocalImages, in the one shape that Pods are made of.
import { type PodBody, parseObject, rawObject } from '@xebec/config';
import type { Result } from '@xebec/std';
import { succeed } from '@xebec/std';
import type { Manifest } from '../control/control-client.ts';
import { isRecord } from '../control/object-watch.ts';
import { refuse } from '../problem.ts';
import type { LocalGateway, LocalGatewayPort } from './local-images.ts';
import { templateHash } from './pod-names.ts';

export interface WorkloadTemplate {
  /** `Deployment/NAMESPACE/NAME`, or `LocalGateway/NAMESPACE/NAME`. */
  readonly key: string;
  readonly namespace: string;
  readonly name: string;
  readonly hash: string;
  readonly replicas: number;
  readonly minReadyMs: number;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly body: PodBody;
  /** `spec` of its Pods, as written. */
  readonly podSpec: Manifest;
  /** Of a gateway; it has no application. */
  readonly gatewayPorts?: readonly LocalGatewayPort[];
}

/** From a Deployment as the admin API shows it. */
export function templateOfDeployment(key: string, object: Manifest): Result<WorkloadTemplate> {
  const { apiVersion, kind, metadata, spec } = object;
  const parsed = parseObject(rawObject({ apiVersion, kind, metadata, spec }, { object: key }), {
    defaultNamespace: 'default',
  });
  if (!parsed.ok) return parsed;
  if (parsed.value.kind !== 'Deployment') return notADeployment(key);
  const template = isRecord(spec) && isRecord(spec['template']) ? spec['template'] : {};
  const { namespace, name } = parsed.value.metadata;
  const { replicas, minReadyMs, template: pod } = parsed.value.spec;
  const { labels, annotations, body } = pod;
  return succeed({
    key,
    namespace,
    name,
    hash: templateHash(namespace, template),
    replicas,
    minReadyMs,
    labels,
    annotations,
    body,
    podSpec: isRecord(template['spec']) ? template['spec'] : {},
  });
}

const notADeployment = (key: string): Result<never> =>
  refuse({
    code: 'not-a-deployment',
    message: `${key} is not a Deployment`,
    remedy: 'check that agent and control plane are of the same version',
  });

/** One replica; its Pod has a container so that others can read it as any Pod, but nothing runs beside the proxy. */
export function templateOfGateway(gateway: LocalGateway): WorkloadTemplate {
  const { name, namespace, labels, ports, serviceAccountName } = gateway;
  const containers = [
    {
      name: 'istio-proxy',
      image: 'auto',
      ports: ports.map((port) => ({ name: port.name, containerPort: port.port, protocol: 'TCP' })),
    },
  ];
  return {
    key: `LocalGateway/${namespace}/${name}`,
    namespace,
    name,
    hash: templateHash(namespace, gateway),
    replicas: 1,
    minReadyMs: 0,
    labels,
    annotations: { 'inject.istio.io/templates': 'gateway' },
    body: {
      serviceAccountName,
      containers: [],
      initContainers: [],
      restartPolicy: 'Always',
      terminationGracePeriodMs: 0,
      hostNetwork: false,
      nodeName: '',
      hostname: '',
    },
    podSpec: { serviceAccountName, containers },
    gatewayPorts: ports,
  };
}

const injectName = 'sidecar.istio.io/inject';

/** Whether its Pods have a proxy: Istio's label, or its older annotation, can say no. */
export const isMeshed = ({ labels, annotations }: WorkloadTemplate): boolean =>
  (labels[injectName] ?? annotations[injectName]) !== 'false';
