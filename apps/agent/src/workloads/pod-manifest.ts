// The Pod object the agent reports: the template with a place, and a status in Kubernetes' fields.

import { canonicalLabels } from '../bootstrap/node.ts';
import type { Manifest } from '../control/control-client.ts';
import { isMeshed, type WorkloadTemplate } from './workload-template.ts';

export type ContainerState =
  | { readonly kind: 'waiting'; readonly reason: string; readonly message: string }
  | { readonly kind: 'running'; readonly startedAt: number }
  | { readonly kind: 'terminated'; readonly exitCode: number; readonly reason: string };

export interface ContainerReport {
  readonly name: string;
  readonly image: string;
  readonly state: ContainerState;
  readonly isReady: boolean;
  readonly restarts: number;
}

export interface PodReport {
  readonly name: string;
  readonly namespace: string;
  readonly workload: string;
  readonly phase: 'Pending' | 'Running' | 'Succeeded' | 'Failed';
  /** Empty until it has one. */
  readonly address: string;
  readonly isReady: boolean;
  readonly isTerminating: boolean;
  /** Why it is not ready; empty when it is. */
  readonly message: string;
  readonly containers: readonly ContainerReport[];
  /** Where its health (15021) and metrics (15020) are; empty without a proxy. Differs from its address for gateways. */
  readonly statusAddress: string;
  /** The Pod's other address. */
  readonly ipv6Address?: string;
  /** Of a gateway: the ports of Gateway objects and where they are bound on this machine. */
  readonly hostPorts: Readonly<Record<number, number>>;
}

export const hostPortsAnnotation = 'local.xebec.io/ports';
export const statusAddressAnnotation = 'local.xebec.io/status-address';
export const templateHashLabel = 'pod-template-hash';

const hostAddress = '127.0.0.1';

export interface PodFrame {
  readonly template: WorkloadTemplate;
  readonly uid: string;
  readonly createdAt: number;
  readonly now: number;
  readonly nodeName: string;
}

export function podManifest(report: PodReport, frame: PodFrame): Manifest {
  const { template } = frame;
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: metadataOf(report, frame),
    spec: { ...template.podSpec, nodeName: frame.nodeName },
    status: statusOf(report, frame),
  };
}

function metadataOf(report: PodReport, { template, uid, createdAt, now }: PodFrame): Manifest {
  const { hash, labels, annotations } = template;
  const isElsewhere = report.statusAddress !== '' && report.statusAddress !== report.address;
  const hasHostPorts = Object.keys(report.hostPorts).length > 0;
  return {
    name: report.name,
    namespace: report.namespace,
    uid,
    creationTimestamp: timestamp(createdAt),
    ...(report.isTerminating ? { deletionTimestamp: timestamp(now) } : {}),
    labels: { ...injectedLabels(template), ...labels, [templateHashLabel]: hash },
    annotations: {
      ...annotations,
      ...(hasHostPorts ? { [hostPortsAnnotation]: JSON.stringify(report.hostPorts) } : {}),
      ...(isElsewhere ? { [statusAddressAnnotation]: report.statusAddress } : {}),
    },
    ownerReferences: [ownerOf(template)],
  };
}

/** What a cluster would have put between workload and Pod. */
const ownerOf = ({ name, hash, job }: WorkloadTemplate): Manifest =>
  job === undefined
    ? { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: `${name}-${hash}`, controller: true }
    : { apiVersion: 'batch/v1', kind: 'Job', name, controller: true };

/** What Istio's injector adds: by these others know the workload, and that its proxy takes mutual TLS. */
function injectedLabels(template: WorkloadTemplate): Readonly<Record<string, string>> {
  if (!isMeshed(template)) return {};
  const isGateway = template.gatewayPorts !== undefined;
  return {
    ...canonicalLabels(template.labels, template.name),
    ...(isGateway ? {} : { 'security.istio.io/tlsMode': 'istio' }),
  };
}

const allAddresses = ({ address, ipv6Address }: PodReport) =>
  [address, ...(ipv6Address === undefined ? [] : [ipv6Address])].map((ip) => ({ ip }));

function statusOf(report: PodReport, { createdAt }: PodFrame): Manifest {
  const { address, containers, isReady, message } = report;
  const condition = (type: string, isTrue: boolean): Manifest => ({
    type,
    status: isTrue ? 'True' : 'False',
    ...(isTrue || message === '' ? {} : { message }),
  });
  return {
    phase: report.phase,
    ...(message === '' ? {} : { message }),
    hostIP: hostAddress,
    ...(address === '' ? {} : { podIP: address, podIPs: allAddresses(report) }),
    startTime: timestamp(createdAt),
    conditions: [
      condition(
        'ContainersReady',
        containers.every((container) => container.isReady),
      ),
      condition('Ready', isReady),
    ],
    containerStatuses: containers.map((container) => ({
      name: container.name,
      image: container.image,
      ready: container.isReady,
      restartCount: container.restarts,
      state: stateOf(container.state),
    })),
  };
}

function stateOf(state: ContainerState): Manifest {
  switch (state.kind) {
    case 'waiting':
      return { waiting: { reason: state.reason, message: state.message } };
    case 'running':
      return { running: { startedAt: timestamp(state.startedAt) } };
    case 'terminated':
      return { terminated: { exitCode: state.exitCode, reason: state.reason } };
  }
}

const timestamp = (atMs: number): string => `${new Date(atMs).toISOString().slice(0, 19)}Z`;
