// The body of a Sidecar, after defaults: what a workload's proxy accepts, and which hosts it can reach.
import type { Protocol, TextMap } from '../../values/shapes.ts';
import type { ConnectionPool } from '../destination-rule/spec.ts';

export type OutboundMode = 'REGISTRY_ONLY' | 'ALLOW_ANY';

/** Hosts that are brought into view: those of a namespace, or of any. */
export interface SidecarImport {
  /** `*` any namespace, `.` the workload's own, else its name. */
  readonly namespace: string;
  /** Lower case: a name, `*.example.com` or `*`. */
  readonly host: string;
}

export interface SidecarPort {
  readonly number: number;
  readonly name?: string;
  readonly protocol: Protocol;
}

/** How traffic comes to a listener: as the proxy does it by default, redirected, or because the client dials it. */
export type CaptureMode = 'DEFAULT' | 'IPTABLES' | 'NONE';

export interface SidecarEgressListener {
  /** Absent: every port that no other listener names. */
  readonly port?: SidecarPort;
  /** The address to listen on; absent: traffic is redirected. */
  readonly bind?: string;
  readonly captureMode: CaptureMode;
  /** Empty: nothing (`~/*`). */
  readonly imports: readonly SidecarImport[];
}

/** Where an application listens: a port of loopback, a port of the workload's own address, or a socket. */
export type ApplicationEndpoint =
  | { readonly kind: 'loopback'; readonly address: string; readonly port: number }
  | { readonly kind: 'own-address'; readonly port: number }
  | { readonly kind: 'socket'; readonly path: string };

export interface SidecarIngressListener {
  readonly port: SidecarPort;
  /** Absent: the same port of the workload's own address. */
  readonly endpoint?: ApplicationEndpoint;
  readonly connectionPool?: ConnectionPool;
}

export interface SidecarSpec {
  /** Absent: every workload of the namespace (of the mesh, in the root namespace). */
  readonly selector?: TextMap;
  /** Absent: the ports of the services that select the workload. */
  readonly ingress?: readonly SidecarIngressListener[];
  /** Absent: everything that is exported to the namespace. */
  readonly egress?: readonly SidecarEgressListener[];
  /** Limits of connections to the application, where a listener says nothing else. */
  readonly connectionPool?: ConnectionPool;
  /** Absent: as the mesh has it. */
  readonly outboundMode?: OutboundMode;
}
