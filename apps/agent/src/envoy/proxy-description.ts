// What one Envoy is told about itself: its place, its identity's names and what it should get.
import type { ProxyLaunch } from '@xebec/config';
import type { ProcessOwner } from '../capture/capture.ts';

export interface ProxyDescription {
  readonly role: 'sidecar' | 'router';
  readonly namespace: string;
  /** The Pod. */
  readonly name: string;
  /** The Deployment or gateway. */
  readonly workloadName: string;
  readonly serviceAccount: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly containers: readonly string[];
  /** The Pod's address. */
  readonly address: string;
  /** Where health and metrics are served; the Pod's address, unless that is shared with others. */
  readonly statusAddress: string;
  readonly applicationAddress: string;
  readonly capture: 'explicit' | 'transparent';
  readonly interception?: 'TPROXY';
  /** The Pod's other address. */
  readonly ipv6Address?: string;
  readonly discovery: 'on-demand' | 'eager';
  /** A Gateway's port → the port to bind; routers only. */
  readonly gatewayPorts: Readonly<Record<number, number>>;
  /** Of the annotation `proxy.istio.io/config`. */
  readonly proxyConfig?: Readonly<Record<string, unknown>>;
  /** Its threads and environment, where something is said of them. */
  readonly launch?: ProxyLaunch;
  /** The WorkloadGroup it joins. */
  readonly workloadGroup?: string;
  readonly clusterDomain: string;
  readonly meshId: string;
  readonly network: string;
  readonly locality?: { readonly region: string; readonly zone: string; readonly subzone: string };
}

/** Files and sockets of one workload; the sockets may be elsewhere because their paths must be short. */
export interface WorkloadPaths {
  readonly bootstrap: string;
  readonly adminSocket: string;
  readonly discoverySocket: string;
  readonly agentSocket: string;
  readonly owner?: ProcessOwner;
}
