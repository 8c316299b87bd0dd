// Settings of the whole mesh; absent ones have defaults that work on a laptop without being asked for.
import type { ExportTo, ExtensionProviderSpec, PathNormalization } from '@xebec/config';
import type { ConnectionPool, EdgeTopology, LocalitySetting, Retry } from '@xebec/model';
import type { Lookup } from './lookups.ts';

export interface AccessLogSettings {
  /** `none`: no access log. `text`: Istio's default line. */
  readonly format: 'text' | 'json' | 'none';
  /** Envoy's command operators instead of the usual ones; for JSON an object of them. */
  readonly template?: string;
}

export interface MeshSettings {
  readonly trustDomain: string;
  /** Where objects that apply to the whole mesh live. */
  readonly rootNamespace: string;
  readonly clusterDomain: string;
  /** Whether a sidecar lets traffic to hosts through that no service names. */
  readonly outboundTrafficPolicy: 'ALLOW_ANY' | 'REGISTRY_ONLY';
  readonly accessLog: AccessLogSettings;
  /** Network of workloads that say nothing else. */
  readonly network: string;
  /** Holds where a DestinationRule says nothing else. */
  readonly connectionPool?: ConnectionPool;
  /** Where a VirtualService says nothing about retries; `attempts` 0: none. */
  readonly defaultRetry?: Retry;
  /** Who sees objects that do not say it themselves; absent: everybody. */
  readonly exportTo?: {
    readonly services?: ExportTo;
    readonly virtualServices?: ExportTo;
    readonly destinationRules?: ExportTo;
  };
  /** False: no mutual TLS unless a DestinationRule asks for it. */
  readonly usesAutomaticTls?: boolean;
  /** Who stands before gateways that do not say it themselves; absent: nobody. */
  readonly gatewayTopology?: EdgeTopology;
  /** Holds where a DestinationRule says nothing else; absent: by locality wherever failing endpoints are detected. */
  readonly localityLbSetting?: LocalitySetting;
  /** Absent: `BASE`. */
  readonly pathNormalization?: PathNormalization;
  /** Who may be asked about calls; absent: nobody. */
  readonly extensionProviders?: readonly ExtensionProviderSpec[];
  /** Other names of the trust domain; absent: none. */
  readonly trustDomainAliases?: readonly string[];
  /** Addresses, blocks and hosts that keys may be fetched from although they are this machine or in clear text. */
  readonly jwksAllow?: readonly string[];
  /** Trust domains of others whose workloads are let in as who they are; absent: none. */
  readonly federatedDomains?: readonly string[];
  /** Hosts without an address also get one of IPv6: only useful where capture takes IPv6. */
  readonly allocatesIpv6?: boolean;
}

export const defaultSettings: MeshSettings = {
  trustDomain: 'cluster.local',
  rootNamespace: 'istio-system',
  clusterDomain: 'cluster.local',
  outboundTrafficPolicy: 'ALLOW_ANY',
  accessLog: { format: 'text' },
  network: '',
};

/** Istio's: traffic stays near, and moves on where failing endpoints are detected. */
export const defaultLocality: LocalitySetting = {
  isEnabled: true,
  distribute: [],
  failover: [],
  failoverPriority: [],
};

export type SettingsLookup = Lookup<'mesh', MeshSettings>;

/** The settings in force: those that were set, else the defaults. */
export const settingsOf = (settings: SettingsLookup): MeshSettings => settings.get('mesh') ?? defaultSettings;

/** The names of the mesh's trust domain, its usual one first. */
export const trustDomainsOf = ({ trustDomain, trustDomainAliases = [] }: MeshSettings): readonly string[] => [
  ...new Set([trustDomain, ...trustDomainAliases]),
];

/** A SPIFFE id of the mesh under each name of its trust domain. */
export function namesOfIdentity(identity: string, settings: MeshSettings): readonly string[] {
  const own = `spiffe://${settings.trustDomain}/`;
  if (settings.trustDomainAliases === undefined || !identity.startsWith(own)) return [identity];
  return trustDomainsOf(settings).map((name) => `spiffe://${name}/${identity.slice(own.length)}`);
}

/** The SPIFFE id of a service account. */
export const spiffeId = (trustDomain: string, namespace: string, serviceAccount: string): string =>
  `spiffe://${trustDomain}/ns/${namespace}/sa/${serviceAccount}`;
