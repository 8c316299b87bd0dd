// Service: ports, selector and addresses as Kubernetes has them.
import { andThen, boolean, list, oneOf, text, uint32 } from '../../decode/decoder.ts';
import { type Decoded, object, optional, required, withDefault } from '../../decode/object.ts';
import { ipAddress } from '../../values/address.ts';
import { exportToAnnotation, exportToDefault } from '../../values/export-to.ts';
import { hostName } from '../../values/host.ts';
import { portName } from '../../values/names.ts';
import { port, portReference } from '../../values/numbers.ts';
import { emptyMap } from '../../values/plain-map.ts';
import { protocolOfPort } from '../../values/protocol.ts';
import type { TextMap } from '../../values/shapes.ts';
import { labels } from '../../values/text-map.ts';
import { defineKind, manifestOf } from '../define.ts';
import { externalAddressesOf, serviceStatus } from './external-addresses.ts';
import type { ServicePortSpec, ServiceSpec } from './spec.ts';
import { checkAddresses, checkAffinity, checkExternalName, checkPorts } from './validate.ts';

const portShape = {
  name: withDefault(portName, ''),
  port: required(port),
  protocol: withDefault(oneOf('TCP', 'UDP', 'SCTP'), 'TCP'),
  targetPort: optional(portReference),
  appProtocol: optional(text),
};

const servicePort = andThen(
  object(portShape, { ignored: ['nodePort'], isTolerant: true }),
  (value): ServicePortSpec => ({
    name: value.name,
    port: value.port,
    transport: value.protocol,
    protocol: protocolOfPort({ ...value, transport: value.protocol, appProtocol: value.appProtocol }),
    targetPort: value.targetPort ?? value.port,
  }),
);

const clusterIp = oneOf('None', '');
const clusterAddress = (value: unknown, walk: Parameters<typeof ipAddress>[1]): string | undefined =>
  value === 'None' || value === '' ? clusterIp(value, walk) : ipAddress(value, walk);

const affinity = object(
  { clientIP: optional(object({ timeoutSeconds: optional(uint32) }, { isTolerant: true })) },
  { isTolerant: true },
);

const specShape = {
  type: withDefault(oneOf('ClusterIP', 'NodePort', 'LoadBalancer', 'ExternalName'), 'ClusterIP'),
  selector: withDefault<TextMap>(labels, emptyMap),
  ports: withDefault<readonly ServicePortSpec[]>(andThen(list(servicePort, { most: 1_000 }), checkPorts), []),
  clusterIP: optional(clusterAddress),
  clusterIPs: optional(list(clusterAddress, { most: 2 })),
  publishNotReadyAddresses: withDefault(boolean, false),
  externalName: optional(hostName()),
  externalIPs: withDefault<readonly string[]>(list(ipAddress, { most: 100 }), []),
  sessionAffinity: withDefault(oneOf('None', 'ClientIP'), 'None'),
  sessionAffinityConfig: optional(affinity),
  trafficDistribution: optional(oneOf('PreferClose', 'PreferSameZone', 'PreferSameNode')),
  internalTrafficPolicy: optional(oneOf('Cluster', 'Local')),
  ipFamilyPolicy: withDefault(oneOf('SingleStack', 'PreferDualStack', 'RequireDualStack'), 'SingleStack'),
  ipFamilies: withDefault<readonly ('IPv4' | 'IPv6')[]>(list(oneOf('IPv4', 'IPv6'), { most: 2 }), []),
};

/** Of the platform's own doing: how traffic comes to a node. */
const ignored = [
  'allocateLoadBalancerNodePorts',
  'externalTrafficPolicy',
  'healthCheckNodePort',
  'loadBalancerClass',
  'loadBalancerIP',
];
const inert = ['loadBalancerSourceRanges', 'topologyKeys'];

function normalize(value: Decoded<typeof specShape>): Omit<ServiceSpec, 'exportTo'> {
  const isExternal = value.type === 'ExternalName';
  const written = value.clusterIPs ?? (value.clusterIP === undefined ? [] : [value.clusterIP]);
  const addresses = isExternal ? [] : written;
  const { sessionAffinity, internalTrafficPolicy, trafficDistribution } = value;
  return {
    type: value.type,
    ...(isExternal && value.externalName !== undefined ? { externalName: value.externalName } : {}),
    selector: isExternal ? emptyMap : value.selector,
    ...(value.externalIPs.length === 0 ? {} : { externalAddresses: value.externalIPs }),
    ports: value.ports,
    clusterIPs: addresses.filter((address) => address !== 'None' && address !== ''),
    isHeadless: addresses.includes('None'),
    publishNotReadyAddresses: value.publishNotReadyAddresses,
    ...(sessionAffinity === 'ClientIP' ? { sessionAffinity } : {}),
    ...(internalTrafficPolicy === 'Local' ? { internalTrafficPolicy } : {}),
    ...(trafficDistribution === undefined ? {} : { trafficDistribution }),
    ...(value.ipFamilyPolicy !== 'SingleStack' || value.ipFamilies.includes('IPv6')
      ? { wantsIpv6: true as const }
      : {}),
  };
}

const spec = andThen(object(specShape, { ignored, inert, isTolerant: true }), (value, walk) => {
  const isGood = [checkExternalName, checkAffinity, checkAddresses]
    .map((check) => check(value, walk))
    .every((each) => each);
  return isGood ? normalize(value) : undefined;
});

const exportAnnotation = 'networking.istio.io/exportTo';

export const serviceKind = defineKind({
  kind: 'Service',
  group: '',
  versions: ['v1'],
  plural: 'services',
  shortNames: ['svc'],
  isNamespaced: true,
  nameRule: 'service-name',
  body: andThen(
    manifestOf({ spec: required(spec), status: optional(serviceStatus) }, { isTolerant: true }),
    (value, walk) => {
      const body = { ...value.spec, ...externalAddressesOf(value.spec, value.status) };
      const annotation = walk.metadata.annotations[exportAnnotation];
      if (annotation === undefined) return { ...body, exportTo: exportToDefault };
      walk.path.push('metadata', 'annotations', exportAnnotation);
      const exportTo = exportToAnnotation(annotation, walk);
      walk.path.length -= 3;
      return exportTo === undefined ? undefined : { ...body, exportTo };
    },
  ),
});
