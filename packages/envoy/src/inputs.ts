// What the translators read: the mesh model as collections, and the settings that hold for the whole mesh.

import type { ObjectOf, PathNormalization } from '@xebec/config';
import type { Collection } from '@xebec/flow';
import type { Extension, NetworkSources } from '@xebec/mesh';
import type {
  ConnectionTable,
  Destination,
  EndpointSet,
  GatewayModel,
  Host,
  HostPort,
  Inbound,
  Layer,
  Layered,
  LoginSecret,
  NetworkGateway,
  ObjectKey,
  PatchSet,
  ProxyNode,
  RouteTable,
  Scope,
  Service,
  TlsSecret,
} from '@xebec/model';
import type { OutsideNeeds } from './authorization/outside.ts';
import type { PatchGate } from './patches/gate.ts';

/** The settings of the mesh that show in Envoy's configuration. */
export interface ProxySettings {
  readonly trustDomain: string;
  /** Other names of the trust domain. */
  readonly trustDomainAliases?: readonly string[];
  /** Trust domains of others, whose roots proxies have. */
  readonly federatedDomains?: readonly string[];
  readonly clusterDomain: string;
  readonly rootNamespace: string;
  readonly outboundTrafficPolicy: 'ALLOW_ANY' | 'REGISTRY_ONLY';
  readonly accessLog: { readonly format: 'text' | 'json' | 'none'; readonly template?: string };
  /** Absent: `BASE`. */
  readonly pathNormalization?: PathNormalization;
  /** Some host is one that each request names itself. */
  readonly hasDynamicHosts?: boolean;
  /** What clients enforce for services without a proxy; absent: nothing. */
  readonly outside?: OutsideNeeds;
}

export type { HostPort };

/** The mesh's collections; layered ones by themselves: a client sees a name in the first of its layers that has it. */
export interface ResourceInputs {
  readonly settings: Collection<'mesh', ProxySettings>;
  readonly proxies: Collection<string, ProxyNode>;
  /** By proxy id, narrowest first. */
  readonly clientLayers: Collection<string, readonly Layer[]>;
  /** By proxy id: what a Sidecar lets it see. */
  readonly scopes: Collection<string, Scope>;
  readonly services: Collection<Layered<Host>, Service>;
  readonly endpointSets: Collection<Layered<HostPort>, EndpointSet>;
  readonly udpEndpointSets: Collection<Layered<HostPort>, EndpointSet>;
  readonly destinations: Collection<Layered<Host>, Destination>;
  readonly connectionTables: Collection<Layered<Host>, ConnectionTable>;
  readonly routeTables: Collection<Layered<Host>, RouteTable>;
  readonly networkPlans: NetworkSources['networkPlans'];
  readonly namespaceNetworks: NetworkSources['namespaceNetworks'];
  readonly networkGateways: Collection<string, readonly NetworkGateway[]>;
  readonly inbounds: Collection<string, Inbound>;
  readonly gateways: Collection<string, GatewayModel>;
  readonly secrets: Collection<string, TlsSecret>;
  readonly loginSecrets: Collection<string, LoginSecret>;
  readonly envoyFilters: Collection<ObjectKey, ObjectOf<'EnvoyFilter'>>;
  readonly extensions: Collection<ObjectKey, Extension>;
  readonly pullSecrets: Collection<ObjectKey, string>;
  /** By proxy id: the patches that are to apply to it. */
  readonly patchSets: Collection<string, PatchSet>;
  /** Absent: patches are trusted and applied at once. */
  readonly patchGate?: PatchGate;
}
