// WorkloadEntry: one workload that the platform does not list by itself.
import { andThen, type Decoder, list, mapOf, oneOf, quote, text, uint32 } from '../../decode/decoder.ts';
import { type Decoded, object, optional, required, withDefault } from '../../decode/object.ts';
import { type Complaint, refuse, type Walk } from '../../decode/walk.ts';
import { isIpAddress } from '../../values/address.ts';
import { hostName } from '../../values/host.ts';
import { nonEmptyPrintable } from '../../values/http.ts';
import { dnsSubdomain, isDnsLabel } from '../../values/names.ts';
import { networkName } from '../../values/network-name.ts';
import { port } from '../../values/numbers.ts';
import { emptyMap } from '../../values/plain-map.ts';
import type { Locality, TextMap } from '../../values/shapes.ts';
import { complainOfSocket } from '../../values/socket-path.ts';
import { labels } from '../../values/text-map.ts';
import { defineKind, istioNetworking, manifestOf } from '../define.ts';
import type { WorkloadEntrySpec } from './spec.ts';

const name = hostName({ ip: true });

/** An IP address, `unix:///path`, or a host name in lower case. */
const address: Decoder<string> = andThen(text, (written, walk) => {
  if (isIpAddress(written)) return written;
  if (!written.startsWith('unix://')) return name(written, walk);
  const complaint = complainOfSocket(written.slice('unix://'.length));
  return complaint === undefined ? written : refuse(walk, complaint);
});

const locality: Decoder<Locality> = andThen(nonEmptyPrintable, (written, walk) => {
  const [region = '', zone = '', subzone = '', ...rest] = written.split('/');
  if (region !== '' && rest.length === 0 && !(zone === '' && subzone !== ''))
    return { region, zone, subzone };
  return refuse(walk, {
    code: 'invalid-locality',
    message: `${quote(written)} is not a locality`,
    remedy: 'write REGION, REGION/ZONE or REGION/ZONE/SUBZONE',
  });
});

const checkPortName = (key: string): Complaint | undefined =>
  isDnsLabel(key)
    ? undefined
    : {
        code: 'invalid-key',
        message: `${quote(key)} is not a port name`,
        remedy: 'name a port of the ServiceEntry',
      };

const shape = {
  address: withDefault(address, ''),
  ports: withDefault<Readonly<Record<string, number>>>(mapOf(port, checkPortName, 1_000), emptyMap),
  labels: withDefault<TextMap>(labels, emptyMap),
  serviceAccount: withDefault(dnsSubdomain, ''),
  locality: optional(locality),
  weight: withDefault(uint32, 1),
  network: withDefault(networkName, ''),
};

function check(value: Decoded<typeof shape>, walk: Walk): WorkloadEntrySpec | undefined {
  if (value.address === '' && value.network === '') {
    const message = 'the field "address" is missing';
    const remedy = 'add "address", or the "network" whose gateways lead there';
    return refuse(walk, { code: 'missing-field', message, remedy });
  }
  if (value.address.startsWith('unix:') && Object.keys(value.ports).length > 0) {
    const message = 'a Unix socket has no ports';
    return refuse(walk, { code: 'conflicting-fields', message, remedy: 'remove ports' }, 'ports');
  }
  return { ...value, weight: value.weight === 0 ? 1 : value.weight };
}

const { address: _address, ...withoutAddress } = shape;

/** What the workloads of a WorkloadGroup have in common; each has its own address. */
export const workloadTemplate = andThen(
  object(withoutAddress, { inert: ['address'] }),
  (value): Omit<WorkloadEntrySpec, 'address'> => ({
    ...value,
    weight: value.weight === 0 ? 1 : value.weight,
  }),
);

/** The spec, and an endpoint of a ServiceEntry. */
export const workloadEntry: Decoder<WorkloadEntrySpec> = andThen(object(shape), check);

const condition = object(
  { type: required(text), status: required(oneOf('True', 'False', 'Unknown')) },
  {
    isTolerant: true,
    ignored: ['lastProbeTime', 'lastTransitionTime', 'message', 'reason', 'observedGeneration'],
  },
);
const status = object({ conditions: optional(list(condition)) }, { isTolerant: true });

/** The condition that health checks of a WorkloadGroup write. */
const isUnhealthy = (each: { readonly type: string; readonly status: string }): boolean =>
  each.type === 'Healthy' && each.status === 'False';

export const workloadEntryKind = defineKind({
  ...istioNetworking,
  kind: 'WorkloadEntry',
  plural: 'workloadentries',
  shortNames: ['we'],
  mayBeRuntime: true,
  body: andThen(
    manifestOf({ spec: required(workloadEntry), status: optional(status) }),
    (value): WorkloadEntrySpec => ({
      ...value.spec,
      ...(value.status?.conditions?.some(isUnhealthy) === true ? { isUnhealthy: true } : {}),
    }),
  ),
});
