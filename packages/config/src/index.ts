// The public surface of config.

export { type Converted, convertObjects } from './convert/convert.ts';
export { nearest as nearestName } from './decode/suggest.ts';
export { formatPath } from './decode/walk.ts';
export type { AdapterSpec } from './kinds/adapter/spec.ts';
export type { AttributeDeclarationSpec, AttributeManifestSpec } from './kinds/attributemanifest/spec.ts';
export type {
  AuthorizationCondition,
  AuthorizationOperation,
  AuthorizationPolicySpec,
  AuthorizationRule,
  AuthorizationSource,
  ConditionKey,
  PathPattern,
  TextPattern,
} from './kinds/authorization-policy/spec.ts';
export {
  type LoginEndpoints,
  loginEndpointsOf,
  loginEndpointsText,
  readLoginEndpoints,
} from './kinds/browser-login/endpoints.ts';
export type { BrowserLoginSpec } from './kinds/browser-login/spec.ts';
export type {
  ConfigMapSpec,
  ExtensionProviderSpec,
  ForeignRootsSpec,
  MeshConfigSpec,
  MeshNetworkSpec,
  NetworkGatewaySpec,
  PathNormalization,
} from './kinds/config-map/spec.ts';
export type { DeploymentSpec, PodTemplate } from './kinds/deployment/spec.ts';
export type {
  ClientTls,
  ConnectionPool,
  DestinationRuleSpec,
  HashKey,
  HashTable,
  LoadBalancer,
  LocalitySetting,
  OutlierDetection,
  PortTrafficPolicy,
  RetryBudget,
  SubsetSpec,
  TlsMaterial,
  TrafficPolicySpec,
  Tunnel,
  Warmup,
} from './kinds/destination-rule/spec.ts';
export type { EndpointSliceSpec, SliceEndpoint, SlicePort } from './kinds/endpoint-slice/spec.ts';
export { type Payload, readPayload } from './kinds/envoy-filter/payload.ts';
export type {
  ClusterMatch,
  ConfigPatch,
  EnvoyFilterSpec,
  FilterChainMatchSpec,
  FilterClass,
  ListenerMatch,
  PatchContext,
  PatchMatch,
  PatchOperation,
  PatchTarget,
  RouteMatchSpec,
} from './kinds/envoy-filter/spec.ts';
export { compilePattern } from './kinds/envoy-filter/version-pattern.ts';
export { kindOfServer, transportOf } from './kinds/gateway/check-servers.ts';
export type {
  GatewayAuthority,
  GatewayCertificate,
  GatewayHost,
  GatewayServerSpec,
  GatewaySpec,
  GatewayTls,
} from './kinds/gateway/spec.ts';
export type { ConnectionAuthentication, HandlerConnection, HandlerSpec } from './kinds/handler/spec.ts';
export type {
  AttributeLiteral,
  AttributeLiterals,
  HttpApiPattern,
  HttpApiSpecSpec,
} from './kinds/httpapispec/spec.ts';
export type { HttpApiSpecBindingSpec } from './kinds/httpapispec-binding/spec.ts';
export type { InstanceSpec } from './kinds/instance/spec.ts';
export type { JobSpec } from './kinds/job/spec.ts';
export type { AnyObject, KindMap, KindName, ObjectOf } from './kinds/kind-map.ts';
export type { NamespaceSpec } from './kinds/namespace/spec.ts';
export type { MutualTlsMode, PeerAuthenticationSpec } from './kinds/peer-authentication/spec.ts';
export type {
  Container,
  ContainerPort,
  EnvironmentVariable,
  FieldReference,
  Hook,
  PodBody,
  PodSpec,
  PodStatus,
  Probe,
  ProbeAction,
} from './kinds/pod/spec.ts';
export type { NamedObject, ServiceReference } from './kinds/policy-services.ts';
export { policyReferences, type ValueTypeName } from './kinds/policy-values.ts';
export { mergeLaunches, readProxyLaunch } from './kinds/proxy-config/launch.ts';
export type { ProxyConfigSpec, ProxyLaunch } from './kinds/proxy-config/spec.ts';
export type { QuotaPlanLimit, QuotaPlanSpec } from './kinds/quota-plan/spec.ts';
export type { QuotaAllowance, QuotaPoolSpec, QuotaRequests, QuotaSharing } from './kinds/quota-pool/spec.ts';
export type { QuotaSpecRule, QuotaSpecSpec, TextMatch } from './kinds/quota-spec/spec.ts';
export type { QuotaSpecBindingSpec } from './kinds/quota-spec-binding/spec.ts';
export { keyOf, kindDefinitions, kindOf, kinds, objectKey, resolveKindName } from './kinds/registry.ts';
export {
  type KeySetReading,
  keySetLimits,
  keySetText,
  type PublicKey,
  readKeySet,
} from './kinds/request-authentication/key-set.ts';
export type {
  JwtRule,
  RequestAuthenticationSpec,
  TokenKeysSpec,
} from './kinds/request-authentication/spec.ts';
export type { HeaderOperationTemplate, PolicyRuleSpec, RuleAction, RuleSampling } from './kinds/rule/spec.ts';
export type { SecretSpec } from './kinds/secret/spec.ts';
export type { ServicePortSpec, ServiceSpec } from './kinds/service/spec.ts';
export type { ServiceAccountSpec } from './kinds/service-account/spec.ts';
export type { ServiceEntryPort, ServiceEntrySpec } from './kinds/service-entry/spec.ts';
export type {
  ApplicationEndpoint,
  SidecarEgressListener,
  SidecarImport,
  SidecarIngressListener,
  SidecarSpec,
} from './kinds/sidecar/spec.ts';
export type { TemplateSpec, TemplateVarietyName } from './kinds/template/spec.ts';
export { claimPath, isClaim } from './kinds/virtual-service/claims.ts';
export type {
  CorsSpec,
  DestinationRef,
  FaultSpec,
  HeaderOperations,
  HeaderPolicy,
  HttpActionSpec,
  HttpMatchSpec,
  HttpRouteSpec,
  MirrorSpec,
  RetrySpec,
  RewriteSpec,
  RouteDestination,
  TcpDestination,
  TcpMatchSpec,
  TcpRouteSpec,
  TlsMatchSpec,
  TlsRouteSpec,
  VirtualServiceSpec,
} from './kinds/virtual-service/spec.ts';
export { type ImageReference, readImageReference } from './kinds/wasm-plugin/module-url.ts';
export type {
  ExtensionPhase,
  ExtensionSpec,
  LuaFilterSpec,
  TrafficSelector,
  WasmFilterSpec,
} from './kinds/wasm-plugin/spec.ts';
export { trafficOf } from './kinds/wasm-plugin/traffic.ts';
export type { WorkloadEntrySpec } from './kinds/workload-entry/spec.ts';
export type { WorkloadGroupSpec } from './kinds/workload-group/spec.ts';
export type { ObjectLookup } from './object/lookup.ts';
export { toManifest, toYaml, toYamlStream } from './object/manifest.ts';
export { parseObject } from './object/parse-object.ts';
export { rawObject } from './object/raw-object.ts';
export type {
  ConfigObject,
  KindDefinition,
  Metadata,
  ObjectKey,
  ParseContext,
  ParsedFile,
  ParseOptions,
  RawObject,
} from './types.ts';
export { isIpAddress } from './values/address.ts';
export type { AnnotationProblem, CaptureAnnotations } from './values/capture-annotations.ts';
export { readCaptureAnnotations } from './values/capture-annotations.ts';
export { matchesLabels, matchesSelector } from './values/matches-selector.ts';
export { networkLabel } from './values/network-name.ts';
export { plainMap, plainMapOf } from './values/plain-map.ts';
export type {
  ExportTo,
  LabelRequirement,
  LabelSelector,
  Locality,
  Protocol,
  StringMatch,
  TextMap,
} from './values/shapes.ts';
export { isInBlocks, prefixOf } from './values/subnet.ts';
export { decodeText } from './yaml/decode-text.ts';
export { parseDocuments } from './yaml/parse-documents.ts';
