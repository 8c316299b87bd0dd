// MeshConfig: Istio's settings of the whole mesh. What is not followed is warned about by name; what protects is refused.
import { andThen, boolean, type Decoder, list, oneOf, quote, text } from '../../decode/decoder.ts';
import { type Decoded, object, optional } from '../../decode/object.ts';
import { caution, refuse, type Walk } from '../../decode/walk.ts';
import { positiveDuration } from '../../values/duration.ts';
import { defaultExportTo } from '../../values/export-to.ts';
import { emptyMap } from '../../values/plain-map.ts';
import { keepalive } from '../destination-rule/connection-pool.ts';
import { localitySetting } from '../destination-rule/locality.ts';
import { retries } from '../virtual-service/behaviour.ts';
import { caCertificates } from './ca-certificates.ts';
import { extensionProviders } from './extension-providers.ts';
import { defaultConfig } from './gateway-topology.ts';
import type { MeshConfigSpec } from './spec.ts';

/** What is decided when the control plane starts; another value than the one it runs with cannot hold. */
const decidedAtStart =
  (usual: string, flag: string): Decoder<string> =>
  (value, walk) => {
    const written = text(value, walk);
    if (written !== undefined && written !== usual) {
      const message = 'takes effect when the control plane starts only';
      caution(walk, { code: 'field-has-no-effect', message, remedy: `start it with ${flag} ${written}` });
    }
    return written;
  };

const trustDomain: Decoder<string> = andThen(text, (written, walk) =>
  /^[a-z0-9._-]{1,255}$/.test(written)
    ? written
    : refuse(walk, {
        code: 'invalid-name',
        message: `${quote(written)} is not a trust domain`,
        remedy: 'use lower-case letters, digits, "-", "_" and "."',
      }),
);

const normalization = object({
  normalization: optional(oneOf('DEFAULT', 'NONE', 'BASE', 'MERGE_SLASHES', 'DECODE_AND_MERGE_SLASHES')),
});

/** An address, a block, or the name of a host. */
const jwksHost: Decoder<string> = andThen(text, (written, walk) =>
  /^[\w.-]{1,253}$/.test(written) || /^[\w.:]{1,64}(\/\d{1,3})?$/.test(written)
    ? written
    : refuse(walk, {
        code: 'invalid-address',
        message: 'is no address, no block of addresses and no name of a host',
        remedy: 'write one such as 10.0.0.0/8 or keys.example',
      }),
);

const shape = {
  outboundTrafficPolicy: optional(object({ mode: optional(oneOf('ALLOW_ANY', 'REGISTRY_ONLY')) })),
  accessLogFile: optional(text),
  accessLogEncoding: optional(oneOf('TEXT', 'JSON')),
  accessLogFormat: optional(text),
  connectTimeout: optional(positiveDuration),
  tcpKeepalive: optional(keepalive),
  h2UpgradePolicy: optional(oneOf('DO_NOT_UPGRADE', 'UPGRADE')),
  defaultHttpRetryPolicy: optional(retries),
  localityLbSetting: optional(localitySetting),
  defaultServiceExportTo: optional(defaultExportTo),
  defaultVirtualServiceExportTo: optional(defaultExportTo),
  defaultDestinationRuleExportTo: optional(defaultExportTo),
  enableAutoMtls: optional(boolean),
  defaultConfig: optional(defaultConfig),
  pathNormalization: optional(normalization),
  jwksAllow: optional(list(jwksHost, { most: 1_000 })),
  caCertificates: optional(caCertificates),
  trustDomain: optional(decidedAtStart('cluster.local', '--trust-domain')),
  rootNamespace: optional(decidedAtStart('istio-system', '--root-namespace')),
  extensionProviders: optional(extensionProviders),
  trustDomainAliases: optional(list(trustDomain, { most: 100 })),
};

/** Following these in part would let through what they are meant to stop. */
const refused = [
  'discoverySelectors',
  'meshMTLS',
  'tlsDefaults',
  'ca',
  'verifyCertificateAtClient',
  'inboundTrafficPolicy',
  'serviceScopeConfigs',
  'inboundClusterStatName',
  'outboundClusterStatName',
];

const inert = [
  'configSources',
  'defaultProviders',
  'disableEnvoyListenerLog',
  'dnsRefreshRate',
  'enableEnvoyAccessLogService',
  'enablePrometheusMerge',
  'enableTracing',
  'ingressClass',
  'ingressControllerMode',
  'ingressSelector',
  'ingressService',
  'protocolDetectionTimeout',
  'proxyHttpPort',
  'proxyInboundListenPort',
  'proxyListenPort',
  'serviceSettings',
];

export const meshConfig: Decoder<MeshConfigSpec> = andThen(
  object(shape, { later: refused, inert, isTolerant: true }),
  normalize,
);

function normalize(value: Decoded<typeof shape>, walk: Walk): MeshConfigSpec | undefined {
  const { connectTimeout, tcpKeepalive, h2UpgradePolicy, defaultHttpRetryPolicy: defaultRetry } = value;
  const { defaultServiceExportTo, defaultVirtualServiceExportTo, defaultDestinationRuleExportTo } = value;
  const { localityLbSetting, enableAutoMtls } = value;
  const { extensionProviders: providers, trustDomainAliases } = value;
  const gatewayTopology = value.defaultConfig?.gatewayTopology;
  const paths = value.pathNormalization?.normalization ?? 'DEFAULT';
  const mode = value.outboundTrafficPolicy?.mode;
  const log = accessLogOf(value, walk);
  if (log === undefined) return undefined;
  return {
    ...(mode === undefined ? {} : { outboundTrafficPolicy: mode }),
    ...log,
    connectionPool: {
      ...(connectTimeout === undefined ? {} : { connectTimeoutMs: connectTimeout }),
      ...(tcpKeepalive === undefined ? {} : { tcpKeepalive }),
      ...(h2UpgradePolicy === undefined ? {} : { h2UpgradePolicy }),
    },
    ...(defaultRetry === undefined ? {} : { defaultRetry }),
    ...(localityLbSetting === undefined ? {} : { localityLbSetting }),
    ...(defaultServiceExportTo === undefined ? {} : { defaultServiceExportTo }),
    ...(defaultVirtualServiceExportTo === undefined ? {} : { defaultVirtualServiceExportTo }),
    ...(defaultDestinationRuleExportTo === undefined ? {} : { defaultDestinationRuleExportTo }),
    ...(enableAutoMtls === undefined ? {} : { enableAutoMtls }),
    ...(gatewayTopology === undefined ? {} : { gatewayTopology }),
    ...launchOf(value.defaultConfig),
    ...(value.jwksAllow === undefined ? {} : { jwksAllow: value.jwksAllow }),
    ...(value.caCertificates === undefined ? {} : { caCertificates: value.caCertificates }),
    ...(paths === 'DEFAULT' ? {} : { pathNormalization: paths }),
    ...(providers === undefined ? {} : { extensionProviders: providers }),
    ...(trustDomainAliases === undefined ? {} : { trustDomainAliases }),
  };
}

const launchOf = (written: Decoded<typeof shape>['defaultConfig']): Pick<MeshConfigSpec, 'proxyLaunch'> => {
  const { concurrency, proxyMetadata } = written ?? {};
  if (concurrency === undefined && proxyMetadata === undefined) return {};
  return {
    proxyLaunch: {
      ...(concurrency === undefined ? {} : { concurrency }),
      environment: proxyMetadata ?? emptyMap,
    },
  };
};

type AccessLog = Pick<MeshConfigSpec, 'accessLogEncoding' | 'accessLogFormat'>;

/** An empty file name switches the log off, as in Istio; any other means the proxy's own log. */
function accessLogOf(value: Decoded<typeof shape>, walk: Walk): AccessLog | undefined {
  const { accessLogFile, accessLogEncoding, accessLogFormat } = value;
  if (accessLogFile === '') return { accessLogEncoding: 'none' };
  if (accessLogFile !== undefined && !accessLogFile.startsWith('/dev/std')) {
    const message = "the access log goes to the proxy's standard output";
    caution(walk, { code: 'field-has-no-effect', message, remedy: 'write /dev/stdout' }, 'accessLogFile');
  }
  const isJson = accessLogEncoding === 'JSON';
  if (isJson && accessLogFormat !== undefined && !isTextObject(accessLogFormat)) {
    const message = 'is not a JSON object of texts';
    const remedy = 'write {"name": "%OPERATOR%"}';
    return refuse(walk, { code: 'invalid-format', message, remedy }, 'accessLogFormat');
  }
  return {
    ...(accessLogEncoding === undefined ? {} : { accessLogEncoding: isJson ? 'json' : 'text' }),
    ...(accessLogFormat === undefined || accessLogFormat === '' ? {} : { accessLogFormat }),
  };
}

function isTextObject(written: string): boolean {
  try {
    const value: unknown = JSON.parse(written);
    const isMap = typeof value === 'object' && value !== null && !Array.isArray(value);
    return isMap && Object.values(value).every((entry) => typeof entry === 'string');
  } catch {
    return false;
  }
}
