// `defaultConfig`: how proxies are started, and who stands before every gateway and is believed.
import { andThen, integer, oneOf } from '../../decode/decoder.ts';
import { type Decoded, object, optional, withDefault } from '../../decode/object.ts';
import { environment } from '../proxy-config/environment.ts';
import { concurrency } from '../proxy-config/launch.ts';
import type { GatewayTopologySpec } from './spec.ts';

const shape = {
  numTrustedProxies: withDefault(integer(0, 100), 0),
  forwardClientCertDetails: optional(
    oneOf('UNDEFINED', 'SANITIZE', 'FORWARD_ONLY', 'APPEND_FORWARD', 'SANITIZE_SET', 'ALWAYS_FORWARD_ONLY'),
  ),
  proxyProtocol: optional(object({})),
};

const topology = andThen(object(shape), (written: Decoded<typeof shape>): GatewayTopologySpec => {
  const { numTrustedProxies: trustedProxies, forwardClientCertDetails: details, proxyProtocol } = written;
  const forwardClientCert = details === undefined || details === 'UNDEFINED' ? 'SANITIZE_SET' : details;
  return { trustedProxies, forwardClientCert, isProxyProtocol: proxyProtocol !== undefined };
});

/** What else a ProxyConfig has is not followed for the whole mesh. */
const inert = [
  'binaryPath',
  'caCertificatesPem',
  'configPath',
  'controlPlaneAuthPolicy',
  'customConfigFile',
  'discoveryAddress',
  'drainDuration',
  'envoyAccessLogService',
  'envoyMetricsService',
  'extraStatTags',
  'holdApplicationUntilProxyStarts',
  'image',
  'interceptionMode',
  'meshId',
  'privateKeyProvider',
  'proxyAdminPort',
  'proxyBootstrapTemplatePath',
  'proxyHeaders',
  'proxyStatsMatcher',
  'readinessProbe',
  'runtimeValues',
  'serviceCluster',
  'statNameLength',
  'statsdUdpAddress',
  'statusPort',
  'terminationDrainDuration',
  'tracing',
  'zipkinAddress',
];

export const defaultConfig = object(
  {
    gatewayTopology: optional(topology),
    concurrency: optional(concurrency),
    proxyMetadata: optional(environment),
  },
  { inert, isTolerant: true },
);
