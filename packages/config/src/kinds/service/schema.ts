// Service: ports, selector and addresses as Kubernetes has them.
import { andThen, boolean, list, oneOf, text } from '../../decode/decoder.ts';
import { type Decoded, object, optional, required, withDefault } from '../../decode/object.ts';
import { ipAddress } from '../../values/address.ts';
import { exportToAll, exportToAnnotation } from '../../values/export-to.ts';
import { portName } from '../../values/names.ts';
import { port, portReference } from '../../values/numbers.ts';
import { emptyMap } from '../../values/plain-map.ts';
import { protocolOfPort } from '../../values/protocol.ts';
import type { TextMap } from '../../values/shapes.ts';
import { labels } from '../../values/text-map.ts';
import { defineKind, manifestOf } from '../define.ts';
import type { ServicePortSpec, ServiceSpec } from './spec.ts';
import { checkPorts, checkType, warnAboutAffinity } from './validate.ts';

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

const specShape = {
  type: withDefault(oneOf('ClusterIP', 'NodePort', 'LoadBalancer', 'ExternalName'), 'ClusterIP'),
  selector: withDefault<TextMap>(labels, emptyMap),
  ports: withDefault<readonly ServicePortSpec[]>(andThen(list(servicePort, { most: 1_000 }), checkPorts), []),
  clusterIP: optional(clusterAddress),
  clusterIPs: optional(list(clusterAddress, { most: 2 })),
  publishNotReadyAddresses: withDefault(boolean, false),
  sessionAffinity: optional(oneOf('None', 'ClientIP')),
  internalTrafficPolicy: optional(oneOf('Cluster', 'Local')),
};

/** Of the platform's own doing: how traffic comes to a node. */
const ignored = [
  'allocateLoadBalancerNodePorts',
  'externalTrafficPolicy',
  'healthCheckNodePort',
  'ipFamilies',
  'ipFamilyPolicy',
  'loadBalancerClass',
  'loadBalancerIP',
  'sessionAffinityConfig',
];
const inert = ['externalIPs', 'loadBalancerSourceRanges', 'trafficDistribution', 'topologyKeys'];
const later = ['externalName'];

function normalize(value: Decoded<typeof specShape>): Omit<ServiceSpec, 'exportTo' | 'type'> {
  const addresses = value.clusterIPs ?? (value.clusterIP === undefined ? [] : [value.clusterIP]);
  return {
    selector: value.selector,
    ports: value.ports,
    clusterIPs: addresses.filter((address) => address !== 'None' && address !== ''),
    isHeadless: addresses.includes('None'),
    publishNotReadyAddresses: value.publishNotReadyAddresses,
  };
}

const spec = andThen(object(specShape, { ignored, inert, later, isTolerant: true }), (value, walk) => {
  const type = checkType(value.type, walk);
  warnAboutAffinity(value, walk);
  return type === undefined ? undefined : { type, ...normalize(value) };
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
    manifestOf({ spec: required(spec) }, { ignored: ['status'], isTolerant: true }),
    (value, walk) => {
      const annotation = walk.metadata.annotations[exportAnnotation];
      if (annotation === undefined) return { ...value.spec, exportTo: exportToAll };
      walk.path.push('metadata', 'annotations', exportAnnotation);
      const exportTo = exportToAnnotation(annotation, walk);
      walk.path.length -= 3;
      return exportTo === undefined ? undefined : { ...value.spec, exportTo };
    },
  ),
});
