// Which body belongs to which kind; the one place that lists the types of all kinds.
import type { ConfigObject } from '../types.ts';
import type { AdapterSpec } from './adapter/spec.ts';
import type { AttributeManifestSpec } from './attributemanifest/spec.ts';
import type { AuthorizationPolicySpec } from './authorization-policy/spec.ts';
import type { BrowserLoginSpec } from './browser-login/spec.ts';
import type { ConfigMapSpec } from './config-map/spec.ts';
import type { DeploymentSpec } from './deployment/spec.ts';
import type { DestinationRuleSpec } from './destination-rule/spec.ts';
import type { EndpointSliceSpec } from './endpoint-slice/spec.ts';
import type { EnvoyFilterSpec } from './envoy-filter/spec.ts';
import type { GatewaySpec } from './gateway/spec.ts';
import type { HandlerSpec } from './handler/spec.ts';
import type { HttpApiSpecSpec } from './httpapispec/spec.ts';
import type { HttpApiSpecBindingSpec } from './httpapispec-binding/spec.ts';
import type { InstanceSpec } from './instance/spec.ts';
import type { JobSpec } from './job/spec.ts';
import type { NamespaceSpec } from './namespace/spec.ts';
import type { PeerAuthenticationSpec } from './peer-authentication/spec.ts';
import type { PodSpec } from './pod/spec.ts';
import type { ProxyConfigSpec } from './proxy-config/spec.ts';
import type { QuotaPlanSpec } from './quota-plan/spec.ts';
import type { QuotaPoolSpec } from './quota-pool/spec.ts';
import type { QuotaSpecSpec } from './quota-spec/spec.ts';
import type { QuotaSpecBindingSpec } from './quota-spec-binding/spec.ts';
import type { RequestAuthenticationSpec } from './request-authentication/spec.ts';
import type { PolicyRuleSpec } from './rule/spec.ts';
import type { SecretSpec } from './secret/spec.ts';
import type { ServiceSpec } from './service/spec.ts';
import type { ServiceAccountSpec } from './service-account/spec.ts';
import type { ServiceEntrySpec } from './service-entry/spec.ts';
import type { SidecarSpec } from './sidecar/spec.ts';
import type { TemplateSpec } from './template/spec.ts';
import type { VirtualServiceSpec } from './virtual-service/spec.ts';
import type { ExtensionSpec } from './wasm-plugin/spec.ts';
import type { WorkloadEntrySpec } from './workload-entry/spec.ts';
import type { WorkloadGroupSpec } from './workload-group/spec.ts';

export interface KindMap {
  readonly Namespace: NamespaceSpec;
  readonly Service: ServiceSpec;
  readonly ServiceAccount: ServiceAccountSpec;
  readonly ConfigMap: ConfigMapSpec;
  readonly Secret: SecretSpec;
  readonly Deployment: DeploymentSpec;
  readonly Job: JobSpec;
  readonly Pod: PodSpec;
  readonly EndpointSlice: EndpointSliceSpec;
  readonly VirtualService: VirtualServiceSpec;
  readonly DestinationRule: DestinationRuleSpec;
  readonly ServiceEntry: ServiceEntrySpec;
  readonly WorkloadEntry: WorkloadEntrySpec;
  readonly WorkloadGroup: WorkloadGroupSpec;
  readonly Gateway: GatewaySpec;
  readonly Sidecar: SidecarSpec;
  readonly ProxyConfig: ProxyConfigSpec;
  readonly PeerAuthentication: PeerAuthenticationSpec;
  readonly RequestAuthentication: RequestAuthenticationSpec;
  readonly EnvoyFilter: EnvoyFilterSpec;
  readonly WasmPlugin: ExtensionSpec;
  readonly TrafficExtension: ExtensionSpec;
  readonly AuthorizationPolicy: AuthorizationPolicySpec;
  readonly BrowserLogin: BrowserLoginSpec;
  readonly attributemanifest: AttributeManifestSpec;
  readonly adapter: AdapterSpec;
  readonly template: TemplateSpec;
  readonly handler: HandlerSpec;
  readonly instance: InstanceSpec;
  readonly rule: PolicyRuleSpec;
  readonly QuotaSpec: QuotaSpecSpec;
  readonly QuotaSpecBinding: QuotaSpecBindingSpec;
  readonly QuotaPool: QuotaPoolSpec;
  readonly QuotaPlan: QuotaPlanSpec;
  readonly HTTPAPISpec: HttpApiSpecSpec;
  readonly HTTPAPISpecBinding: HttpApiSpecBindingSpec;
}

export type KindName = keyof KindMap;

/** A valid object of one kind. */
export type ObjectOf<K extends KindName> = ConfigObject<K, KindMap[K]>;

/** A valid object of any kind: switching on `kind` narrows `spec`. */
export type AnyObject = { readonly [K in KindName]: ObjectOf<K> }[KindName];
