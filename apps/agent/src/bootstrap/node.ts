// The node a proxy presents to the control plane, in Istio's words.
import type { ProxyLaunch } from '@xebec/config';
import type { ProxyDescription } from '../envoy/proxy-description.ts';

/** The Istio release whose proxies this one behaves like. */
const istioVersion = '1.29.0';
/** The name of the cluster of machines; there is only this one. */
const clusterId = 'local';

const canonicalNameLabel = 'service.istio.io/canonical-name';
const canonicalRevisionLabel = 'service.istio.io/canonical-revision';

/** The names by which telemetry knows a workload. */
interface CanonicalNames {
  readonly app: string;
  readonly version: string;
  readonly canonicalService: string;
  readonly canonicalRevision: string;
}

function canonicalNames(labels: Readonly<Record<string, string>>, workloadName: string): CanonicalNames {
  const app = labels['app'] ?? labels['app.kubernetes.io/name'];
  const version = labels['version'] ?? labels['app.kubernetes.io/version'];
  return {
    app: app ?? 'unknown',
    version: version ?? 'unknown',
    canonicalService: labels[canonicalNameLabel] ?? labels['app.kubernetes.io/name'] ?? app ?? workloadName,
    canonicalRevision: labels[canonicalRevisionLabel] ?? version ?? 'latest',
  };
}

/** Labels that say those names to everybody. */
export function canonicalLabels(
  labels: Readonly<Record<string, string>>,
  workloadName: string,
): Readonly<Record<string, string>> {
  const { canonicalService, canonicalRevision } = canonicalNames(labels, workloadName);
  return { [canonicalNameLabel]: canonicalService, [canonicalRevisionLabel]: canonicalRevision };
}

/** `sidecar~IP~POD.NAMESPACE~NAMESPACE.svc.DOMAIN`. */
export const nodeId = ({ role, address, name, namespace, clusterDomain }: ProxyDescription): string =>
  `${role}~${address}~${name}.${namespace}~${namespace}.svc.${clusterDomain}`;

/** `ISTIO_META_NAME` is text under NAME, `ISTIO_METAJSON_NAME` is what its JSON says; what else is said wins over it. */
function writtenMetadata(environment: ProxyLaunch['environment']): Readonly<Record<string, unknown>> {
  const written = Object.entries(environment).flatMap(([name, value]): (readonly [string, unknown])[] => {
    const [, json, key] = /^ISTIO_META(JSON)?_(.+)$/.exec(name) ?? [];
    if (key === undefined) return [];
    return [[key, json === undefined ? value : JSON.parse(value)]];
  });
  return Object.fromEntries(written);
}

/** Values that are text stay text: the control plane decodes them as Istio's do. */
function nodeMetadata(proxy: ProxyDescription): Readonly<Record<string, unknown>> {
  return {
    ...writtenMetadata(proxy.launch?.environment ?? {}),
    NAMESPACE: proxy.namespace,
    NAME: proxy.name,
    SERVICE_ACCOUNT: proxy.serviceAccount,
    WORKLOAD_NAME: proxy.workloadName,
    LABELS: { ...proxy.labels, ...canonicalLabels(proxy.labels, proxy.workloadName) },
    APP_CONTAINERS: proxy.containers.join(','),
    CLUSTER_ID: clusterId,
    MESH_ID: proxy.meshId,
    NETWORK: proxy.network,
    INSTANCE_IPS: [proxy.address, ...(proxy.ipv6Address === undefined ? [] : [proxy.ipv6Address])].join(','),
    ISTIO_VERSION: istioVersion,
    ON_DEMAND_DISCOVERY: String(proxy.discovery === 'on-demand'),
    CAPTURE: proxy.capture,
    ...(proxy.capture === 'explicit' ? {} : { INTERCEPTION_MODE: proxy.interception ?? 'REDIRECT' }),
    APPLICATION_ADDRESS: proxy.applicationAddress,
    UNPRIVILEGED_POD: 'true',
    CHOOSES_AFTER_HANDSHAKE: 'true',
    KEEPS_AUDIT: 'true',
    ...(proxy.role === 'router' ? { GATEWAY_PORTS: proxy.gatewayPorts } : {}),
    ...(proxy.workloadGroup === undefined ? {} : { AUTO_REGISTER_GROUP: proxy.workloadGroup }),
    ...(proxy.proxyConfig === undefined ? {} : { PROXY_CONFIG: proxy.proxyConfig }),
  };
}

export function nodeOf(proxy: ProxyDescription): Readonly<Record<string, unknown>> {
  const { canonicalService } = canonicalNames(proxy.labels, proxy.workloadName);
  const { locality } = proxy;
  return {
    id: nodeId(proxy),
    cluster: `${canonicalService}.${proxy.namespace}`,
    metadata: nodeMetadata(proxy),
    ...(locality === undefined
      ? {}
      : { locality: { region: locality.region, zone: locality.zone, sub_zone: locality.subzone } }),
  };
}

/** What was written for it, and what the metrics of the proxy's listeners read. */
export function proxyEnvironment(proxy: ProxyDescription): Readonly<Record<string, string>> {
  const { app, version, canonicalService, canonicalRevision } = canonicalNames(
    proxy.labels,
    proxy.workloadName,
  );
  return {
    ...proxy.launch?.environment,
    ISTIO_META_WORKLOAD_NAME: proxy.workloadName,
    POD_NAME: proxy.name,
    POD_NAMESPACE: proxy.namespace,
    SERVICE_ACCOUNT: proxy.serviceAccount,
    XEBEC_APP: app,
    XEBEC_VERSION: version,
    CANONICAL_SERVICE: canonicalService,
    CANONICAL_REVISION: canonicalRevision,
  };
}
