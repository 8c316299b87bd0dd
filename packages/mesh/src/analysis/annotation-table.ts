// Annotations of the istio.io domains: on which kinds they may be, what has replaced them, what their values look like.

export interface KnownAnnotation {
  /** Absent: on any kind. */
  readonly kinds?: readonly string[];
  /** What to write today. */
  readonly replacedBy?: string;
  /** What is wrong with a value. */
  readonly check?: (value: string) => string | undefined;
}

const number = (value: string): string | undefined =>
  /^\d{1,10}$/.test(value.trim()) ? undefined : 'it must be a whole number';

const flag = (value: string): string | undefined =>
  ['true', 'false'].includes(value) ? undefined : 'it must be "true" or "false"';

const isPort = (text: string): boolean => /^\d{1,5}$/.test(text) && Number(text) <= 65_535;

const ports = (value: string): string | undefined => {
  const wrong = itemsOf(value).find((each) => !isPort(each));
  return wrong === undefined ? undefined : `"${wrong.slice(0, 60)}" is not a port`;
};

const portsOrAll = (value: string): string | undefined => (value === '*' ? undefined : ports(value));

const block = /^(\d{1,3}(\.\d{1,3}){3}(\/\d{1,2})?|[0-9a-f:]+(\/\d{1,3})?)$/i;

const blocks = (value: string): string | undefined => {
  const wrong = value === '*' ? undefined : itemsOf(value).find((each) => !block.test(each));
  return wrong === undefined ? undefined : `"${wrong.slice(0, 60)}" is not a block of addresses (10.0.0.0/8)`;
};

const itemsOf = (value: string): readonly string[] =>
  value
    .split(',')
    .map((each) => each.trim())
    .filter((each) => each !== '');

const quantity = (value: string): string | undefined =>
  /^\d+(\.\d+)?(m|k|Ki|M|Mi|G|Gi|T|Ti|e\d+)?$/.test(value) ? undefined : 'it must be a quantity: 100m, 128Mi';

const interception = (value: string): string | undefined =>
  ['REDIRECT', 'TPROXY', 'NONE'].includes(value) ? undefined : 'it must be REDIRECT, TPROXY or NONE';

const exportTo = (value: string): string | undefined =>
  itemsOf(value).every((each) => /^([.*~]|[a-z0-9]([a-z0-9-]*[a-z0-9])?)$/.test(each))
    ? undefined
    : 'it must be ".", "*", "~" or namespaces';

const pod: KnownAnnotation = { kinds: ['Pod'] };
const podWith = (check: NonNullable<KnownAnnotation['check']>): KnownAnnotation => ({ ...pod, check });
const podReplaced = (replacedBy: string): KnownAnnotation => ({ ...pod, replacedBy });
const proxyConfig = 'proxyStatsMatcher or extraStatTags in the annotation proxy.istio.io/config';
const accounts: KnownAnnotation = {
  kinds: ['Service'],
  replacedBy: 'nothing: identities are those of the endpoints',
};

export const knownAnnotations: ReadonlyMap<string, KnownAnnotation> = new Map([
  ['alpha.istio.io/canonical-serviceaccounts', accounts],
  ['alpha.istio.io/kubernetes-serviceaccounts', accounts],
  ['ambient.istio.io/bypass-inbound-capture', pod],
  ['ambient.istio.io/dns-capture', pod],
  ['ambient.istio.io/redirection', pod],
  ['ambient.istio.io/waypoint-inbound-binding', { kinds: ['GatewayClass', 'Gateway'] }],
  ['galley.istio.io/analyze-suppress', {}],
  ['gateway.istio.io/controller-version', {}],
  ['gateway.istio.io/name-override', { kinds: ['Gateway'] }],
  ['gateway.istio.io/service-account', { kinds: ['Gateway'] }],
  ['inject.istio.io/templates', pod],
  ['istio.io/autoRegistrationGroup', { kinds: ['WorkloadEntry'] }],
  ['istio.io/connectedAt', { kinds: ['WorkloadEntry'] }],
  ['istio.io/disconnectedAt', { kinds: ['WorkloadEntry'] }],
  ['istio.io/dry-run', { kinds: ['AuthorizationPolicy'] }],
  ['istio.io/reroute-virtual-interfaces', pod],
  ['istio.io/rev', { kinds: ['Pod'] }],
  ['istio.io/use-waypoint-canary-weight', { kinds: ['Service', 'ServiceEntry', 'Namespace'] }],
  ['istio.io/workloadController', { kinds: ['WorkloadEntry'] }],
  ['kubernetes.io/ingress.class', { kinds: ['Ingress'] }],
  ['networking.istio.io/exportTo', { kinds: ['Service'], check: exportTo }],
  ['networking.istio.io/service-type', { kinds: ['Gateway'] }],
  ['networking.istio.io/traffic-distribution', { kinds: ['Namespace', 'Service', 'ServiceEntry'] }],
  ['prometheus.istio.io/merge-metrics', podWith(flag)],
  ['proxy.istio.io/config', pod],
  ['proxy.istio.io/overrides', pod],
  ['readiness.status.sidecar.istio.io/applicationPorts', podWith(ports)],
  ['readiness.status.sidecar.istio.io/failureThreshold', podWith(number)],
  ['readiness.status.sidecar.istio.io/initialDelaySeconds', podWith(number)],
  ['readiness.status.sidecar.istio.io/periodSeconds', podWith(number)],
  ['sidecar.istio.io/agentLogLevel', pod],
  ['sidecar.istio.io/bootstrapOverride', pod],
  ['sidecar.istio.io/componentLogLevel', pod],
  [
    'sidecar.istio.io/discoveryAddress',
    podReplaced('discoveryAddress in the annotation proxy.istio.io/config'),
  ],
  ['sidecar.istio.io/extraStatTags', podReplaced(proxyConfig)],
  ['sidecar.istio.io/inject', podReplaced('the label sidecar.istio.io/inject')],
  ['sidecar.istio.io/interceptionMode', podWith(interception)],
  ['sidecar.istio.io/logLevel', pod],
  ['sidecar.istio.io/nativeSidecar', podWith(flag)],
  ['sidecar.istio.io/proxyCPU', podWith(quantity)],
  ['sidecar.istio.io/proxyCPULimit', podWith(quantity)],
  ['sidecar.istio.io/proxyImage', pod],
  ['sidecar.istio.io/proxyImageType', pod],
  ['sidecar.istio.io/proxyMemory', podWith(quantity)],
  ['sidecar.istio.io/proxyMemoryLimit', podWith(quantity)],
  ['sidecar.istio.io/rewriteAppHTTPProbers', podWith(flag)],
  [
    'sidecar.istio.io/statsCompression',
    podReplaced('nothing: answers are compressed where the reader takes it'),
  ],
  ['sidecar.istio.io/statsEvictionInterval', pod],
  ['sidecar.istio.io/statsFlushInterval', pod],
  ['sidecar.istio.io/statsHistogramBins', pod],
  ['sidecar.istio.io/statsHistogramBuckets', pod],
  ['sidecar.istio.io/statsInclusionPrefixes', podReplaced(proxyConfig)],
  ['sidecar.istio.io/statsInclusionRegexps', podReplaced(proxyConfig)],
  ['sidecar.istio.io/statsInclusionSuffixes', podReplaced(proxyConfig)],
  ['sidecar.istio.io/status', pod],
  ['sidecar.istio.io/userVolume', pod],
  ['sidecar.istio.io/userVolumeMount', pod],
  ['status.sidecar.istio.io/port', podWith(ports)],
  ['topology.istio.io/controlPlaneClusters', { kinds: ['Namespace'] }],
  ['traffic.istio.io/nodeSelector', { kinds: ['Service'] }],
  ['traffic.sidecar.istio.io/excludeInboundPorts', podWith(ports)],
  ['traffic.sidecar.istio.io/excludeInterfaces', pod],
  ['traffic.sidecar.istio.io/excludeOutboundIPRanges', podWith(blocks)],
  ['traffic.sidecar.istio.io/excludeOutboundPorts', podWith(ports)],
  ['traffic.sidecar.istio.io/includeInboundPorts', podWith(portsOrAll)],
  ['traffic.sidecar.istio.io/includeOutboundIPRanges', podWith(blocks)],
  ['traffic.sidecar.istio.io/includeOutboundPorts', podWith(portsOrAll)],
  ['traffic.sidecar.istio.io/kubevirtInterfaces', podReplaced('istio.io/reroute-virtual-interfaces')],
]);
