// What the mesh is made of, by kind: the one list that everything that builds a mesh out of objects takes them from.
import type { KindName } from '@xebec/config';
import type { ObjectsOf } from './inputs.ts';

/** A store, or what stands for one. */
export interface ObjectSources {
  source<K extends KindName>(kind: K): ObjectsOf<K>;
}

export const configInputs = (store: ObjectSources) => ({
  services: store.source('Service'),
  serviceEntries: store.source('ServiceEntry'),
  workloadEntries: store.source('WorkloadEntry'),
  pods: store.source('Pod'),
  endpointSlices: store.source('EndpointSlice'),
  virtualServices: store.source('VirtualService'),
  destinationRules: store.source('DestinationRule'),
  gateways: store.source('Gateway'),
  peerAuthentications: store.source('PeerAuthentication'),
  sidecars: store.source('Sidecar'),
  requestAuthentications: store.source('RequestAuthentication'),
  browserLogins: store.source('BrowserLogin'),
  policyRules: store.source('rule'),
  handlers: store.source('handler'),
  instances: store.source('instance'),
  templates: store.source('template'),
  quotaSpecs: store.source('QuotaSpec'),
  quotaSpecBindings: store.source('QuotaSpecBinding'),
  quotaPools: store.source('QuotaPool'),
  httpApiSpecs: store.source('HTTPAPISpec'),
  httpApiSpecBindings: store.source('HTTPAPISpecBinding'),
  quotaPlans: store.source('QuotaPlan'),
  authorizationPolicies: store.source('AuthorizationPolicy'),
  secrets: store.source('Secret'),
  envoyFilters: store.source('EnvoyFilter'),
  wasmPlugins: store.source('WasmPlugin'),
  trafficExtensions: store.source('TrafficExtension'),
  namespaces: store.source('Namespace'),
  configMaps: store.source('ConfigMap'),
});
