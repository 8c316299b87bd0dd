// The workloads of a running mesh as the control plane knows them: what should run, and what does.
import { hostPortsAnnotation } from '@xebec/agent';
import { type Result, succeed } from '@xebec/std';
import type { ControlPlane } from '../admin/control-plane.ts';
import { at, isObject, type JsonObject, numberOf, objectOf, objectsOf, textOf } from '../admin/json.ts';
import { isPodReady } from '../get/columns.ts';

export interface WorkloadRow {
  readonly namespace: string;
  /** The Deployment or gateway. */
  readonly name: string;
  readonly version: string;
  readonly pod: string;
  readonly isReady: boolean;
  readonly address: string;
  readonly identity: string;
  /** Why it is not ready; empty when it is. */
  readonly message: string;
}

export interface Workloads {
  readonly rows: readonly WorkloadRow[];
  /** Pods that ought to be there. */
  readonly wanted: number;
  readonly ready: number;
  /** Port of Gateway objects → port of this machine. */
  readonly ports: Readonly<Record<string, number>>;
}

export async function readWorkloads(
  controlPlane: ControlPlane,
  gateways: number,
): Promise<Result<Workloads>> {
  const [deployments, pods] = await Promise.all([
    controlPlane.get('/v1/objects?kind=Deployment'),
    controlPlane.get('/v1/objects?kind=Pod'),
  ]);
  if (!deployments.ok) return deployments;
  if (!pods.ok) return pods;
  const found = objectsOf(at(pods.value, 'items')).filter(isOfAgent);
  const rows = found
    .map(rowOf)
    .sort((a, b) => `${a.namespace}/${a.pod}`.localeCompare(`${b.namespace}/${b.pod}`));
  const replicas = objectsOf(at(deployments.value, 'items')).map(
    (deployment) => numberOf(at(deployment, 'spec', 'replicas')) ?? 1,
  );
  const wanted = replicas.reduce((sum, count) => sum + count, gateways);
  return succeed({
    rows,
    wanted: Math.max(wanted, rows.length),
    ready: rows.filter(({ isReady }) => isReady).length,
    ports: Object.assign({}, ...found.map(hostPorts)),
  });
}

const isOfAgent = (pod: JsonObject): boolean => at(pod, 'spec', 'nodeName') === 'local';

function rowOf(pod: JsonObject): WorkloadRow {
  const labels = objectOf(at(pod, 'metadata', 'labels'));
  const namespace = textOf(at(pod, 'metadata', 'namespace'));
  const account = textOf(at(pod, 'spec', 'serviceAccountName')) || 'default';
  const isReady = isPodReady(pod);
  return {
    namespace,
    name: ownerOf(pod),
    version: textOf(labels['version']),
    pod: textOf(at(pod, 'metadata', 'name')),
    isReady,
    address: textOf(at(pod, 'status', 'podIP')),
    identity: `spiffe://cluster.local/ns/${namespace}/sa/${account}`,
    message: isReady ? '' : textOf(at(pod, 'status', 'message')),
  };
}

/** A Pod's ReplicaSet is named for its Deployment and a hash. */
function ownerOf(pod: JsonObject): string {
  const replicaSet = textOf(at(pod, 'metadata', 'ownerReferences', 0, 'name'));
  return replicaSet === '' ? textOf(at(pod, 'metadata', 'name')) : replicaSet.replace(/-[^-]+$/, '');
}

function hostPorts(pod: JsonObject): Readonly<Record<string, number>> {
  const text = textOf(at(pod, 'metadata', 'annotations', hostPortsAnnotation));
  if (text === '') return {};
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value)
      ? Object.fromEntries(
          Object.entries(value).flatMap(([port, bound]) =>
            typeof bound === 'number' ? [[port, bound]] : [],
          ),
        )
      : {};
  } catch {
    return {};
  }
}
