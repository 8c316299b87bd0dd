// The settings in force: what the control plane was started with, and over it what the ConfigMap of the mesh says.
import type { MeshConfigSpec, ObjectOf } from '@xebec/config';
import type { Collection, Graph } from '@xebec/flow';
import { defaultSettings, type MeshSettings } from '@xebec/mesh';
import { defaultRetry, type ObjectKey } from '@xebec/model';
import { deepEqual } from '@xebec/std';

/** Follows the ConfigMap `istio` of the root namespace. */
export function deriveSettings(
  graph: Graph,
  started: Collection<'mesh', MeshSettings>,
  configMaps: Collection<ObjectKey, ObjectOf<'ConfigMap'>>,
): Collection<'mesh', MeshSettings> {
  return graph.derive({
    name: 'settings',
    from: started,
    reads: { configMaps },
    equals: deepEqual,
    fn: (base, key, read) => {
      const written = read.configMaps.get(`ConfigMap/${base.rootNamespace}/istio`)?.spec.mesh;
      return [[key, written === undefined ? base : over(base, written)] as const];
    },
  });
}

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
