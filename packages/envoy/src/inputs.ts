// What the translators read: the mesh model as collections, and the settings that hold for the whole mesh.
import type { Collection } from '@xebec/flow';
import type {
  Destination,
  EndpointSet,
  GatewayModel,
  Host,
  Inbound,
  Layered,
  ProxyNode,
  RouteTable,
  Service,
} from '@xebec/model';

/** The settings of the mesh that show in Envoy's configuration. */
export interface ProxySettings {
  readonly trustDomain: string;
  readonly clusterDomain: string;
  readonly outboundTrafficPolicy: 'ALLOW_ANY' | 'REGISTRY_ONLY';
  readonly accessLogEncoding: 'TEXT' | 'JSON' | 'NONE';
}

/** A server certificate for gateways; `name` is its SDS name. */
export interface ServerSecret {
  readonly name: string;
  readonly namespace: string;
  readonly certificate: Uint8Array;
  readonly key: Uint8Array;
}

export interface ResourceInputs {
  readonly settings: Collection<'mesh', ProxySettings>;
  readonly proxies: Collection<string, ProxyNode>;
  readonly services: Collection<Layered<Host>, Service>;
  readonly endpointSets: Collection<string, EndpointSet>;
  readonly destinations: Collection<Layered<Host>, Destination>;
  readonly routeTables: Collection<Layered<Host>, RouteTable>;
  readonly inbounds: Collection<string, Inbound>;
  readonly gateways: Collection<string, GatewayModel>;
  readonly secrets: Collection<string, ServerSecret>;
}
