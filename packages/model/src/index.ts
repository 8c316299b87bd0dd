// The public surface of the model.
export type { Authentication, KeySource, TokenHeader, TokenRule } from './authentication.ts';
export {
  type AssignedQuota,
  type Authorization,
  type AuthorizationAction,
  type AuthorizationAlternative,
  type AuthorizationAttribute,
  type AuthorizationPolicy,
  type AuthorizationProvider,
  type AuthorizationRule,
  type AuthorizationTest,
  isAskable,
  isDecisive,
  type MissingProvider,
  type Refusal,
  type TextPattern,
} from './authorization.ts';
export type {
  ConnectionDestination,
  ConnectionTable,
  TcpMatch,
  TcpRule,
  TlsMatch,
  TlsRule,
} from './connection.ts';
export type {
  ClientTls,
  ConnectionPool,
  Destination,
  HashKey,
  HashTable,
  LoadBalancer,
  LocalitySetting,
  OutlierDetection,
  PortPolicy,
  RetryBudget,
  Subset,
  TlsMaterial,
  TlsOrigination,
  TrafficPolicy,
  Tunnel,
  Warmup,
} from './destination.ts';
export type {
  GatewayListener,
  GatewayModel,
  GatewayServer,
  GatewayTraffic,
  GatewayVirtualHost,
  SecretReference,
  ServerTls,
  TlsLimits,
} from './gateway.ts';
export type { ClassLayer, Layer, Layered } from './layers.ts';
export {
  classLayer,
  isClassLayer,
  labelsOfLayer,
  layerChain,
  layered,
  namespaceOfLayer,
  seenIn,
  splitLayered,
} from './layers.ts';
export type { BrowserLogin, LoginIssuer, LoginSecret, LoginSecretNames } from './login.ts';
export type { NetworkGateway } from './network.ts';
export type { OutsideChecks } from './outside.ts';
export { type ExtensionSide, extensionSides, type PatchReference, type PatchSet } from './patch.ts';
export type { MutualTls, PeerPolicy } from './policy.ts';
export type { Cause, ObjectKey } from './reference.ts';
export type {
  Cors,
  Fault,
  HeaderOperations,
  HeaderPolicy,
  HttpAction,
  HttpMatch,
  HttpRule,
  Mirror,
  Retry,
  RouteTable,
  StringMatch,
  WeightedDestination,
} from './route.ts';
export { defaultRetry } from './route.ts';
export type { DialedListener, HostImport, HostOwner, ImportedHosts, Scope } from './scope.ts';
export { hostOwner, isImported } from './scope.ts';
export type { TlsSecret } from './secret.ts';
export type {
  Endpoint,
  EndpointSet,
  Host,
  HostPort,
  Locality,
  PeerTls,
  Protocol,
  Resolution,
  Service,
  ServicePort,
  TrafficDistribution,
} from './service.ts';
export { hostPort } from './service.ts';
export type {
  ApplicationAddress,
  Capture,
  EdgeTopology,
  Inbound,
  InboundPort,
  ProxyNode,
  ProxyRole,
  Workload,
} from './workload.ts';
