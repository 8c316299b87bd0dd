// The body of a ServiceEntry, after defaults.
import type { ExportTo, Protocol, TextMap } from '../../values/shapes.ts';
import type { WorkloadEntrySpec } from '../workload-entry/spec.ts';

export interface ServiceEntryPort {
  readonly number: number;
  readonly name: string;
  readonly protocol: Protocol;
  /** The port itself by default. */
  readonly targetPort: number;
}

export interface ServiceEntrySpec {
  /** Lower case; `*.`-prefixed ones not with resolution DNS, and only such with DYNAMIC_DNS. */
  readonly hosts: readonly string[];
  /** IP addresses and CIDR blocks. */
  readonly addresses: readonly string[];
  readonly ports: readonly ServiceEntryPort[];
  readonly location: 'MESH_EXTERNAL' | 'MESH_INTERNAL';
  readonly resolution: 'NONE' | 'STATIC' | 'DNS' | 'DNS_ROUND_ROBIN' | 'DYNAMIC_DNS';
  readonly endpoints: readonly WorkloadEntrySpec[];
  /** Labels of WorkloadEntries and Pods of the same namespace; never together with endpoints. */
  readonly workloadSelector?: TextMap;
  readonly exportTo: ExportTo;
  readonly subjectAltNames: readonly string[];
  /** Hosts without an address get one of the mesh's own; label `networking.istio.io/enable-autoallocate-ip`. */
  readonly isAllocated: boolean;
}
