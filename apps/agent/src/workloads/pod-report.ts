// What is to be said about a Pod, derived from what runs: ready is only who has a ready proxy and ready containers.

import type { Outcome } from './pod-containers.ts';
import type { ContainerReport, PodReport } from './pod-manifest.ts';
import { isMeshed, type WorkloadTemplate } from './workload-template.ts';

export interface PodParts {
  readonly template: WorkloadTemplate;
  readonly name: string;
  readonly createdAt: number;
  /** Empty until it has one. */
  readonly address: string;
  /** Empty without a proxy. */
  readonly statusAddress: string;
  readonly ipv6Address?: string;
  readonly isTerminating: boolean;
  /** It cannot be started, or has to wait, and why. */
  readonly waiting: { readonly reason: string; readonly message: string } | undefined;
  readonly proxy: { readonly isReady: boolean; readonly restarts: number } | undefined;
  /** Those that have been started. */
  readonly containers: readonly { readonly report: ContainerReport; readonly message: string }[];
  readonly hostPorts: Readonly<Record<number, number>>;
  /** What its init containers have not done yet; empty when nothing. */
  readonly initMessage: string;
  /** How it ended. */
  readonly outcome: Outcome | undefined;
}

export function isServing(parts: PodParts): boolean {
  if (parts.isTerminating || parts.waiting !== undefined) return false;
  const isProxyReady = !isMeshed(parts.template) || parts.proxy?.isReady === true;
  const areAllStarted = parts.containers.length === parts.template.body.containers.length;
  return isProxyReady && areAllStarted && parts.containers.every(({ report }) => report.isReady);
}

export function reportOf(parts: PodParts): PodReport {
  const isReady = isServing(parts);
  return {
    name: parts.name,
    namespace: parts.template.namespace,
    workload: parts.template.name,
    phase: phaseOf(parts),
    address: parts.address,
    statusAddress: parts.statusAddress,
    ...(parts.ipv6Address === undefined ? {} : { ipv6Address: parts.ipv6Address }),
    isReady,
    isTerminating: parts.isTerminating,
    message: isReady ? '' : whyNotReady(parts),
    containers: [
      ...proxyReport(parts),
      ...parts.containers.map(({ report }) => report),
      ...notStarted(parts),
    ],
    hostPorts: parts.hostPorts,
  };
}

/** In words, for a Pod that is not. */
export function whyNotReady(parts: PodParts): string {
  if (parts.isTerminating) return 'is going away';
  if (parts.waiting !== undefined) return parts.waiting.message;
  if (parts.initMessage !== '') return parts.initMessage;
  const container = parts.containers.map(({ message }) => message).find((message) => message !== '');
  if (container !== undefined) return container;
  return isMeshed(parts.template) && parts.proxy?.isReady !== true
    ? 'its proxy is not ready'
    : 'its containers are not ready';
}

/** Jobs end: a Pod whose containers all ended for good has succeeded or failed. */
function phaseOf({ outcome, containers, proxy }: PodParts): PodReport['phase'] {
  if (outcome !== undefined) return outcome === 'succeeded' ? 'Succeeded' : 'Failed';
  return containers.length > 0 || proxy?.isReady === true ? 'Running' : 'Pending';
}

function proxyReport({ proxy, createdAt }: PodParts): readonly ContainerReport[] {
  if (proxy === undefined) return [];
  const { isReady, restarts } = proxy;
  const state = { kind: 'running', startedAt: createdAt } as const;
  return [{ name: 'istio-proxy', image: 'envoy', isReady, restarts, state }];
}

function notStarted({ template, containers, waiting, initMessage }: PodParts): readonly ContainerReport[] {
  const init = initMessage === '' ? undefined : { reason: 'PodInitializing', message: initMessage };
  const why = waiting ?? init ?? { reason: 'ContainerCreating', message: 'waits for its proxy' };
  return template.body.containers.slice(containers.length).map(({ name, image }) => ({
    name,
    image,
    restarts: 0,
    isReady: false,
    state: { kind: 'waiting', ...why },
  }));
}
