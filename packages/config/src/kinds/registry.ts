// The list of kinds: a kind that is not here does not exist.
import { nearest } from '../decode/suggest.ts';
import type { KindDefinition, ObjectKey } from '../types.ts';
import { adapterKind } from './adapter/schema.ts';
import { attributeManifestKind } from './attributemanifest/schema.ts';
import { authorizationPolicyKind } from './authorization-policy/schema.ts';
import { browserLoginKind } from './browser-login/schema.ts';
import { configMapKind } from './config-map/schema.ts';
import { deploymentKind } from './deployment/schema.ts';
import { destinationRuleKind } from './destination-rule/schema.ts';
import { endpointSliceKind } from './endpoint-slice/schema.ts';
import { envoyFilterKind } from './envoy-filter/schema.ts';
import { gatewayKind } from './gateway/schema.ts';
import { handlerKind } from './handler/schema.ts';
import { httpApiSpecKind } from './httpapispec/schema.ts';
import { httpApiSpecBindingKind } from './httpapispec-binding/schema.ts';
import { instanceKind } from './instance/schema.ts';
import { jobKind } from './job/schema.ts';
import type { KindMap, KindName } from './kind-map.ts';
import { namespaceKind } from './namespace/schema.ts';
import { peerAuthenticationKind } from './peer-authentication/schema.ts';
import { podKind } from './pod/schema.ts';
import { proxyConfigKind } from './proxy-config/schema.ts';
import { quotaPlanKind } from './quota-plan/schema.ts';
import { quotaPoolKind } from './quota-pool/schema.ts';
import { quotaSpecKind } from './quota-spec/schema.ts';
import { quotaSpecBindingKind } from './quota-spec-binding/schema.ts';
import { requestAuthenticationKind } from './request-authentication/schema.ts';
import { ruleKind } from './rule/schema.ts';
import { secretKind } from './secret/schema.ts';
import { serviceKind } from './service/schema.ts';
import { serviceAccountKind } from './service-account/schema.ts';
import { serviceEntryKind } from './service-entry/schema.ts';
import { sidecarKind } from './sidecar/schema.ts';
import { templateKind } from './template/schema.ts';
import { trafficExtensionKind } from './traffic-extension/schema.ts';
import { virtualServiceKind } from './virtual-service/schema.ts';
import { wasmPluginKind } from './wasm-plugin/schema.ts';
import { workloadEntryKind } from './workload-entry/schema.ts';
import { workloadGroupKind } from './workload-group/schema.ts';

/** Every kind's definition by its name. */
export const kindDefinitions: { readonly [K in KindName]: KindDefinition<K, KindMap[K]> } = {
  Namespace: namespaceKind,
  Service: serviceKind,
  ServiceAccount: serviceAccountKind,
  ConfigMap: configMapKind,
  Secret: secretKind,
  Deployment: deploymentKind,
  Job: jobKind,
  Pod: podKind,
  EndpointSlice: endpointSliceKind,
  VirtualService: virtualServiceKind,
  DestinationRule: destinationRuleKind,
  ServiceEntry: serviceEntryKind,
  WorkloadEntry: workloadEntryKind,
  WorkloadGroup: workloadGroupKind,
  Gateway: gatewayKind,
  Sidecar: sidecarKind,
  ProxyConfig: proxyConfigKind,
  PeerAuthentication: peerAuthenticationKind,
  RequestAuthentication: requestAuthenticationKind,
  EnvoyFilter: envoyFilterKind,
  WasmPlugin: wasmPluginKind,
  TrafficExtension: trafficExtensionKind,
  AuthorizationPolicy: authorizationPolicyKind,
  BrowserLogin: browserLoginKind,
  attributemanifest: attributeManifestKind,
  adapter: adapterKind,
  template: templateKind,
  handler: handlerKind,
  instance: instanceKind,
  rule: ruleKind,
  QuotaSpec: quotaSpecKind,
  QuotaSpecBinding: quotaSpecBindingKind,
  QuotaPool: quotaPoolKind,
  QuotaPlan: quotaPlanKind,
  HTTPAPISpec: httpApiSpecKind,
  HTTPAPISpecBinding: httpApiSpecBindingKind,
};

export type AnyKind = { readonly [K in KindName]: KindDefinition<K, KindMap[K]> }[KindName];

/** All kinds, in the order in which a person would apply them. */
export const kinds: readonly AnyKind[] = Object.values(kindDefinitions);

const byGroupAndKind = new Map(kinds.map((kind) => [`${kind.group}/${kind.kind}`, kind]));

/** `networking.istio.io/v1` → group and version; the core group is empty. */
export function splitApiVersion(apiVersion: string): { readonly group: string; readonly version: string } {
  const slash = apiVersion.indexOf('/');
  return { group: apiVersion.slice(0, Math.max(slash, 0)), version: apiVersion.slice(slash + 1) };
}

/** The kind, when it is known in this API group and version. */
export function kindOf(apiVersion: string, kind: string): AnyKind | undefined {
  const { group, version } = splitApiVersion(apiVersion);
  const found = byGroupAndKind.get(`${group}/${kind}`);
  return found?.versions.includes(version) ? found : undefined;
}

const byWord = new Map<string, KindName>();
for (const { kind, plural, shortNames, group } of kinds) {
  for (const word of [kind, plural, ...shortNames]) byWord.set(word.toLowerCase(), kind);
  if (group !== '') for (const word of [kind, plural]) byWord.set(`${word}.${group}`.toLowerCase(), kind);
}

/** `vs`, `virtualservice`, `VirtualServices`, `virtualservices.networking.istio.io` → `VirtualService`. */
export const resolveKindName = (word: string): KindName | undefined => byWord.get(word.toLowerCase());

/** What somebody may have meant by a word that is no kind. */
export const nearestKind = (word: string): string | undefined =>
  nearest(
    word,
    kinds.map(({ kind }) => kind),
  );

/** `Kind/namespace/name`; cluster-scoped kinds have an empty namespace. */
export const objectKey = (kind: string, namespace: string, name: string): ObjectKey =>
  `${kind}/${namespace}/${name}`;

/** The key of an object. */
export const keyOf = (object: {
  readonly kind: string;
  readonly metadata: { readonly namespace: string; readonly name: string };
}): ObjectKey => objectKey(object.kind, object.metadata.namespace, object.metadata.name);
