// The body of an EndpointSlice, after defaults.
import type { Protocol, TextMap } from '../../values/shapes.ts';

export interface SliceEndpoint {
  readonly addresses: readonly string[];
  readonly isReady: boolean;
  readonly isServing: boolean;
  readonly isTerminating: boolean;
  /** Empty when not set. */
  readonly hostname: string;
  readonly nodeName: string;
  readonly zone: string;
  readonly target?: { readonly kind: string; readonly namespace: string; readonly name: string };
  readonly deprecatedTopology: TextMap;
}

export interface SlicePort {
  /** Matches the service port's name; empty for an unnamed one. */
  readonly name: string;
  readonly port: number;
  readonly transport: 'TCP' | 'UDP' | 'SCTP';
  readonly protocol: Protocol;
}

export interface EndpointSliceSpec {
  /** From the label `kubernetes.io/service-name`; empty when the slice belongs to none. */
  readonly service: string;
  readonly addressType: 'IPv4' | 'IPv6' | 'FQDN';
  readonly endpoints: readonly SliceEndpoint[];
  readonly ports: readonly SlicePort[];
}
