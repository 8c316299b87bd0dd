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
  readonly type: 'ClusterIP' | 'NodePort' | 'LoadBalancer';
  /** Empty: the endpoints come from EndpointSlices. */
  readonly selector: TextMap;
  readonly ports: readonly ServicePortSpec[];
  /** Virtual addresses as written; empty when none was given or the service is headless. */
  readonly clusterIPs: readonly string[];
  /** `clusterIP: None`. */
  readonly isHeadless: boolean;
  readonly publishNotReadyAddresses: boolean;
  /** From the annotation `networking.istio.io/exportTo`; `['*']` by default. */
  readonly exportTo: ExportTo;
}
