// The body of a Service, after defaults.
import type { ExportTo, Protocol, TextMap } from '../../values/shapes.ts';

export interface ServicePortSpec {
  /** Empty when the only port has no name. */
  readonly name: string;
  readonly port: number;
  readonly transport: 'TCP' | 'UDP' | 'SCTP';
  /** From `appProtocol`, else the name's prefix, else well-known TCP ports; `auto` when none says. */
  readonly protocol: Protocol;
  /** Number, or the name of a container port; the port itself by default. */
  readonly targetPort: number | string;
}

export interface ServiceSpec {
  readonly type: 'ClusterIP' | 'NodePort' | 'LoadBalancer' | 'ExternalName';
  /** Of type ExternalName only: the name that this service stands for, in lower case. */
  readonly externalName?: string;
  /** Empty: the endpoints come from EndpointSlices. */
  readonly selector: TextMap;
  readonly ports: readonly ServicePortSpec[];
  /** Virtual addresses as written; empty when none was given or the service is headless. */
  readonly clusterIPs: readonly string[];
  /** Where others than the platform's own reach it: `externalIPs` and what its load balancer says; absent: nowhere. */
  readonly externalAddresses?: readonly string[];
  /** `clusterIP: None`. */
  readonly isHeadless: boolean;
  readonly publishNotReadyAddresses: boolean;
  /** `ClientIP`: a client keeps its endpoint as long as that exists; `None` is absent. */
  readonly sessionAffinity?: 'ClientIP';
  /** `Local`: clients use endpoints of their own node only; `Cluster` is absent. */
  readonly internalTrafficPolicy?: 'Local';
  /** Endpoints of the client's own zone, or node, are preferred. */
  readonly trafficDistribution?: 'PreferClose' | 'PreferSameZone' | 'PreferSameNode';
  /** Asked for by `ipFamilyPolicy` or `ipFamilies`: where no address is written, it also gets one of IPv6. */
  readonly wantsIpv6?: true;
  /** From the annotation `networking.istio.io/exportTo`; `['*']` by default. */
  readonly exportTo: ExportTo;
}
