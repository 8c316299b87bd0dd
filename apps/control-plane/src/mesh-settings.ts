// The settings in force: what the control plane was started with, and over it what the ConfigMap of the mesh says.
import type { MeshConfigSpec, ObjectOf } from '@xebec/config';
import type { Collection, Graph } from '@xebec/flow';
import { defaultSettings, type MeshSettings } from '@xebec/mesh';
import { defaultRetry, type ObjectKey } from '@xebec/model';
import { deepEqual } from '@xebec/std';

export interface SettingSources {
  readonly configMaps: Collection<ObjectKey, ObjectOf<'ConfigMap'>>;
  /** Trust domains of others whose roots are sent to proxies. */
  readonly federation: Collection<'mesh', readonly string[]>;
}

/** Follows the ConfigMap `istio` of the root namespace. */
export function deriveSettings(
  graph: Graph,
  started: Collection<'mesh', MeshSettings>,
  { configMaps, federation }: SettingSources,
): Collection<'mesh', MeshSettings> {
  return graph.derive({
    name: 'settings',
    from: started,
    reads: { configMaps, federation },
    equals: deepEqual,
    fn: (base, key, read) => {
      const written = read.configMaps.get(`ConfigMap/${base.rootNamespace}/istio`)?.spec.mesh;
      const federated = read.federation.get('mesh') ?? [];
      const settings = federated.length === 0 ? base : { ...base, federatedDomains: federated };
      return [[key, written === undefined ? settings : over(settings, written)] as const];
    },
  });
}

/** For who has no authority: every trust domain that somebody wrote roots of. */
export const deriveWrittenFederation = (
  graph: Graph,
  started: Collection<'mesh', MeshSettings>,
  configMaps: SettingSources['configMaps'],
): Collection<'mesh', readonly string[]> =>
  graph.derive({
    name: 'federation',
    from: started,
    reads: { configMaps },
    equals: deepEqual,
    fn: ({ rootNamespace }, key, read) => {
      const written = read.configMaps.get(`ConfigMap/${rootNamespace}/istio`)?.spec.mesh?.caCertificates;
      const domains = (written ?? []).flatMap(({ trustDomains }) => trustDomains);
      return [[key, domains] as const];
    },
  });

function over(base: MeshSettings, written: MeshConfigSpec): MeshSettings {
  const { outboundTrafficPolicy = base.outboundTrafficPolicy, connectionPool, defaultRetry: retry } = written;
  const { localityLbSetting, enableAutoMtls: usesAutomaticTls, gatewayTopology, pathNormalization } = written;
  const { extensionProviders, trustDomainAliases } = written;
  return {
    ...base,
    outboundTrafficPolicy,
    accessLog: accessLogOf(base, written),
    ...(Object.keys(connectionPool).length === 0 ? {} : { connectionPool }),
    ...(retry === undefined
      ? {}
      : { defaultRetry: { ...retry, retryOn: retry.retryOn === '' ? defaultRetry.retryOn : retry.retryOn } }),
    ...(localityLbSetting === undefined ? {} : { localityLbSetting }),
    ...exportOf(written),
    ...(usesAutomaticTls === undefined ? {} : { usesAutomaticTls }),
    ...(gatewayTopology === undefined ? {} : { gatewayTopology }),
    ...(pathNormalization === undefined ? {} : { pathNormalization }),
    ...(extensionProviders === undefined ? {} : { extensionProviders }),
    ...(trustDomainAliases === undefined ? {} : { trustDomainAliases }),
    ...(written.jwksAllow === undefined ? {} : { jwksAllow: written.jwksAllow }),
  };
}

function accessLogOf({ accessLog }: MeshSettings, written: MeshConfigSpec): MeshSettings['accessLog'] {
  const { accessLogEncoding: format = accessLog.format, accessLogFormat: template } = written;
  return { format, ...(template === undefined ? {} : { template }) };
}

function exportOf(written: MeshConfigSpec): Pick<MeshSettings, 'exportTo'> {
  const services = written.defaultServiceExportTo;
  const virtualServices = written.defaultVirtualServiceExportTo;
  const destinationRules = written.defaultDestinationRuleExportTo;
  if ((services ?? virtualServices ?? destinationRules) === undefined) return {};
  return {
    exportTo: {
      ...(services === undefined ? {} : { services }),
      ...(virtualServices === undefined ? {} : { virtualServices }),
      ...(destinationRules === undefined ? {} : { destinationRules }),
    },
  };
}

/** What a control plane without any words of its own runs with. */
export const settingsAtStart = (written: Partial<MeshSettings> = {}): MeshSettings => ({
  ...defaultSettings,
  ...written,
});
