// A workload to run: a Deployment, or a gateway of LocalImages, in the one shape that Pods are made of.
import { type ObjectOf, type PodBody, parseObject, rawObject } from '@xebec/config';
import type { Result } from '@xebec/std';
import { succeed } from '@xebec/std';
import type { Manifest } from '../control/control-client.ts';
import { isRecord } from '../control/object-watch.ts';
import { refuse } from '../problem.ts';
import type { LocalGateway, LocalGatewayPort } from './local-images.ts';
import type { DesiredJob } from './plan-job.ts';
import { templateHash } from './pod-names.ts';

export interface WorkloadTemplate {
  /** `Deployment/NAMESPACE/NAME`, `Job/…`, or `LocalGateway/NAMESPACE/NAME`. */
  readonly key: string;
  readonly namespace: string;
  readonly name: string;
  readonly hash: string;
  /** Of a Job: 0. */
  readonly replicas: number;
  /** Of a Job. */
  readonly job?: DesiredJob['job'];
  readonly minReadyMs: number;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly body: PodBody;
  /** `spec` of its Pods, as written. */
  readonly podSpec: Manifest;
  /** Of a gateway; it has no application. */
  readonly gatewayPorts?: readonly LocalGatewayPort[];
}

/** From a Deployment or a Job as the admin API shows it. */
export function templateOfObject(key: string, object: Manifest): Result<WorkloadTemplate> {
  const { apiVersion, kind, metadata, spec } = object;
  const parsed = parseObject(rawObject({ apiVersion, kind, metadata, spec }, { object: key }), {
    defaultNamespace: 'default',
  });
  if (!parsed.ok) return parsed;
  const workload = parsed.value;
  if (workload.kind !== 'Deployment' && workload.kind !== 'Job') return notAWorkload(key);
  const template = isRecord(spec) && isRecord(spec['template']) ? spec['template'] : {};
  const { namespace, name } = workload.metadata;
  const { labels, annotations, body } = workload.spec.template;
  return succeed({
    key,
    namespace,
    name,
    hash: templateHash(namespace, template),
    ...countsOf(workload),
    labels,
    annotations,
    body,
    podSpec: isRecord(template['spec']) ? template['spec'] : {},
  });
}

function countsOf(
  workload: ObjectOf<'Deployment'> | ObjectOf<'Job'>,
): Pick<WorkloadTemplate, 'replicas' | 'minReadyMs' | 'job'> {
  if (workload.kind === 'Job') return { replicas: 0, minReadyMs: 0, job: workload.spec };
  const { replicas, minReadyMs } = workload.spec;
  return { replicas, minReadyMs };
}

const notAWorkload = (key: string): Result<never> =>
  refuse({
    code: 'not-a-workload',
    message: `${key} is neither a Deployment nor a Job`,
    remedy: 'check that agent and control plane are of the same version',
  });

/** One replica; its Pod has a container so that others can read it as any Pod, but nothing runs beside the proxy. */
export function templateOfGateway(gateway: LocalGateway): WorkloadTemplate {
  const { name, namespace, labels, annotations, ports, serviceAccountName } = gateway;
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
    annotations: { ...annotations, 'inject.istio.io/templates': 'gateway' },
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
