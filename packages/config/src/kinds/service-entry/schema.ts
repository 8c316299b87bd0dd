// ServiceEntry: a service that the platform does not list by itself.
import { andThen, list, oneOf } from '../../decode/decoder.ts';
import { object, optional, required, withDefault } from '../../decode/object.ts';
import { ipAddressOrBlock } from '../../values/address.ts';
import { exportTo, exportToDefault } from '../../values/export-to.ts';
import { hostName } from '../../values/host.ts';
import { nonEmptyPrintable } from '../../values/http.ts';
import { portName } from '../../values/names.ts';
import { port } from '../../values/numbers.ts';
import { emptyMap } from '../../values/plain-map.ts';
import { protocolWord, unsaidProtocol } from '../../values/protocol.ts';
import type { ExportTo, Protocol, TextMap } from '../../values/shapes.ts';
import { labels } from '../../values/text-map.ts';
import { defineKind, istioNetworking, manifestOf } from '../define.ts';
import { workloadEntry } from '../workload-entry/schema.ts';
import type { WorkloadEntrySpec } from '../workload-entry/spec.ts';
import type { ServiceEntryPort } from './spec.ts';
import { checkAllocation, checkServiceEntry } from './validate.ts';

const servicePort = andThen(
  object({
    number: required(port),
    name: required(portName),
    protocol: withDefault<Protocol>(protocolWord, 'auto'),
    targetPort: optional(port),
  }),
  (value): ServiceEntryPort => ({
    ...value,
    protocol: value.protocol === 'auto' ? unsaidProtocol(value.number) : value.protocol,
    targetPort: value.targetPort ?? value.number,
  }),
);

const resolution = oneOf('NONE', 'STATIC', 'DNS', 'DNS_ROUND_ROBIN', 'DYNAMIC_DNS');

const selector = andThen(object({ labels: withDefault<TextMap>(labels, emptyMap) }), (value) => value.labels);

const spec = andThen(
  object({
    hosts: required(list(hostName({ wildcard: true }), { least: 1, most: 10_000 })),
    addresses: withDefault<readonly string[]>(list(ipAddressOrBlock, { most: 10_000 }), []),
    ports: required(list(servicePort, { least: 1, most: 1_000 })),
    location: withDefault(oneOf('MESH_EXTERNAL', 'MESH_INTERNAL'), 'MESH_EXTERNAL'),
    resolution: withDefault(resolution, 'NONE'),
    endpoints: withDefault<readonly WorkloadEntrySpec[]>(list(workloadEntry), []),
    workloadSelector: optional(selector),
    exportTo: withDefault<ExportTo>(exportTo, exportToDefault),
    subjectAltNames: withDefault<readonly string[]>(list(nonEmptyPrintable, { most: 1_000 }), []),
  }),
  checkServiceEntry,
);

export const serviceEntryKind = defineKind({
  ...istioNetworking,
  kind: 'ServiceEntry',
  plural: 'serviceentries',
  shortNames: ['se'],
  // Where policy services are, as they come and go.
  mayBeRuntime: true,
  body: andThen(manifestOf({ spec: required(spec) }, { ignored: ['status'] }), (value, walk) => {
    const isAllocated = checkAllocation(walk);
    return isAllocated === undefined ? undefined : { ...value.spec, isAllocated };
  }),
});
