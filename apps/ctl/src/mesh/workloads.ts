// The workloads of a running mesh as the control plane knows them: what should run, and what does.
import { type Result, succeed } from '@xebec/std';
import type { ControlPlane } from '../admin/control-plane.ts';
import { at, type JsonObject, numberOf, objectOf, objectsOf, textOf } from '../admin/json.ts';
import { isPodReady } from '../get/columns.ts';
import { ingressPortOf } from './ingress-port.ts';

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
  /** Of this machine, where a gateway takes plaintext HTTP; absent when none does. */
  readonly ingressPort: number | undefined;
}

export async function readWorkloads(
  controlPlane: ControlPlane,
  gateways: number,
): Promise<Result<Workloads>> {
  const [deployments, pods, gatewayObjects] = await Promise.all([
    controlPlane.get('/v1/objects?kind=Deployment'),
    controlPlane.get('/v1/objects?kind=Pod'),
    controlPlane.get('/v1/objects?kind=Gateway'),
  ]);
  if (!deployments.ok) return deployments;
  if (!pods.ok) return pods;
  if (!gatewayObjects.ok) return gatewayObjects;
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
    ingressPort: ingressPortOf(objectsOf(at(gatewayObjects.value, 'items')), found),
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
