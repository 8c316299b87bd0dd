// EndpointSlice: addresses of a Service that Kubernetes or a person listed.
import { andThen, boolean, list, oneOf, text } from '../../decode/decoder.ts';
import { type Decoded, object, optional, required, withDefault } from '../../decode/object.ts';
import { port } from '../../values/numbers.ts';
import { emptyMap } from '../../values/plain-map.ts';
import { protocolOfPort } from '../../values/protocol.ts';
import type { TextMap } from '../../values/shapes.ts';
import { annotations } from '../../values/text-map.ts';
import { defineKind, manifestOf } from '../define.ts';
import type { SliceEndpoint, SlicePort } from './spec.ts';
import { checkAddresses } from './validate.ts';

const conditions = object(
  { ready: withDefault(boolean, true), serving: optional(boolean), terminating: withDefault(boolean, false) },
  { isTolerant: true },
);

const target = object(
  { kind: required(text), namespace: withDefault(text, ''), name: required(text) },
  { ignored: ['uid', 'apiVersion', 'resourceVersion', 'fieldPath'], isTolerant: true },
);

const endpointShape = {
  addresses: required(list(text, { least: 1, most: 100 })),
  conditions: withDefault(conditions, { ready: true, terminating: false }),
  hostname: withDefault(text, ''),
  nodeName: withDefault(text, ''),
  zone: withDefault(text, ''),
  targetRef: optional(target),
  deprecatedTopology: withDefault<TextMap>(annotations, emptyMap),
};

const endpoint = andThen(
  object(endpointShape, { ignored: ['hints'], isTolerant: true }),
  ({ conditions: state, targetRef, ...value }: Decoded<typeof endpointShape>): SliceEndpoint => ({
    ...value,
    isReady: state.ready,
    isServing: state.serving ?? state.ready,
    isTerminating: state.terminating,
    ...(targetRef === undefined ? {} : { target: targetRef }),
  }),
);

const slicePort = andThen(
  object(
    {
      name: withDefault(text, ''),
      port: required(port),
      protocol: withDefault(oneOf('TCP', 'UDP', 'SCTP'), 'TCP'),
      appProtocol: optional(text),
    },
    { isTolerant: true },
  ),
  (value): SlicePort => ({
    name: value.name,
    port: value.port,
    transport: value.protocol,
    protocol: protocolOfPort({ ...value, transport: value.protocol, appProtocol: value.appProtocol }),
  }),
);

const manifest = manifestOf(
  {
    addressType: required(oneOf('IPv4', 'IPv6', 'FQDN')),
    endpoints: withDefault<readonly SliceEndpoint[]>(list(endpoint), []),
    ports: withDefault<readonly SlicePort[]>(list(slicePort, { most: 1_000 }), []),
  },
  { isTolerant: true },
);

export const endpointSliceKind = defineKind({
  kind: 'EndpointSlice',
  group: 'discovery.k8s.io',
  versions: ['v1'],
  plural: 'endpointslices',
  shortNames: [],
  isNamespaced: true,
  isRuntime: false,
  body: andThen(manifest, (value, walk) =>
    checkAddresses({ ...value, service: walk.metadata.labels['kubernetes.io/service-name'] ?? '' }, walk),
  ),
});
