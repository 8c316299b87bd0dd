// Istio's names for clusters, virtual hosts and server names.
import type { Host, Layer, Scope } from '@xebec/model';

export const passthroughCluster = 'PassthroughCluster';
/** Where the HTTP proxy of explicit capture sends what is to go where the client wanted: to the host of the request. */
export const forwardProxyCluster = 'ForwardProxyCluster';
export const blackHoleCluster = 'BlackHoleCluster';
export const inboundPassthroughCluster = 'InboundPassthroughCluster';
/** The route configuration of the HTTP proxy listener of explicit capture; its domains carry ports. */
export const httpProxyRoute = 'http_proxy';

/** `outbound|9080|v1|reviews.default.svc.cluster.local`. */
export const outboundCluster = (port: number, subset: string, host: Host): string =>
  `outbound|${port}|${subset}|${host}`;

/** For what proxies themselves ask the policy service: no route, and nothing that users write, leads to it. */
export const policyCluster = (port: number, host: Host): string => `policy|${port}||${host}`;

/** Cluster and internal listener behind CONNECT to a port of a host. */
export const connectName = (host: Host, port: number): string => `connect|${port}||${host}`;

/** `inbound|9080||`. */
export const inboundCluster = (port: number): string => `inbound|${port}||`;

/** Server name a client sends with mutual TLS: `outbound_.9080_.v1_.reviews.default.svc.cluster.local`. */
export const serverName = (port: number, subset: string, host: Host): string =>
  `outbound_.${port}_.${subset}_.${host}`;

/** The part of a layer's name that stands for a scope. */
export const scopeName = ({ id }: Pick<Scope, 'id'>, layer: Layer): string => `scope:${id}~${layer}`;
