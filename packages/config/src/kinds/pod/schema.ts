// Pod: its body, its owner, and the status that the platform reports.
import { andThen, boolean, list, oneOf, text } from '../../decode/decoder.ts';
import { type Decoded, object, optional, required, withDefault } from '../../decode/object.ts';
import { ipAddress } from '../../values/address.ts';
import { checkCaptureAnnotations } from '../../values/capture-annotations.ts';
import { defineKind, manifestOf } from '../define.ts';
import { podBody } from './body.ts';
import type { PodSpec, PodStatus } from './spec.ts';

const noStatus: PodStatus = Object.freeze({
  phase: 'Pending',
  podIP: '',
  podIPs: Object.freeze([]),
  hostIP: '',
  isReady: false,
});

const condition = object(
  { type: required(text), status: required(oneOf('True', 'False', 'Unknown')) },
  {
    ignored: ['lastProbeTime', 'lastTransitionTime', 'message', 'observedGeneration', 'reason'],
    isTolerant: true,
  },
);

const addressOrNone = (value: unknown, walk: Parameters<typeof ipAddress>[1]): string | undefined =>
  value === '' ? '' : ipAddress(value, walk);

const podIp = andThen(object({ ip: required(ipAddress) }, { isTolerant: true }), ({ ip }) => ip);

const statusShape = {
  phase: withDefault(oneOf('Pending', 'Running', 'Succeeded', 'Failed', 'Unknown'), 'Pending'),
  podIP: withDefault(addressOrNone, ''),
  podIPs: withDefault<readonly string[]>(list(podIp, { most: 16 }), []),
  hostIP: withDefault(addressOrNone, ''),
  conditions: withDefault<readonly { readonly type: string; readonly status: string }[]>(list(condition), []),
};

const ignoredStatus = [
  'containerStatuses',
  'ephemeralContainerStatuses',
  'hostIPs',
  'initContainerStatuses',
  'message',
  'nominatedNodeName',
  'observedGeneration',
  'qosClass',
  'reason',
  'resize',
  'resourceClaimStatuses',
  'startTime',
];

const status = andThen(
  object(statusShape, { ignored: ignoredStatus, isTolerant: true }),
  ({ conditions, podIPs, ...value }: Decoded<typeof statusShape>): PodStatus => ({
    ...value,
    podIPs: podIPs.length > 0 || value.podIP === '' ? podIPs : [value.podIP],
    isReady: conditions.some(({ type, status: state }) => type === 'Ready' && state === 'True'),
  }),
);

const owner = object(
  { kind: required(text), name: required(text), controller: withDefault(boolean, false) },
  { ignored: ['apiVersion', 'uid', 'blockOwnerDeletion'], isTolerant: true },
);

/** Only two fields of the metadata; the rest has been read before. */
const lifecycle = andThen(
  object({ ownerReferences: optional(list(owner)), deletionTimestamp: optional(text) }, { ignored: [] }),
  (value) => value,
);

const manifest = manifestOf(
  { spec: required(podBody), status: withDefault(status, noStatus) },
  { isTolerant: true },
);

export const podKind = defineKind({
  kind: 'Pod',
  group: '',
  versions: ['v1'],
  plural: 'pods',
  shortNames: ['po'],
  isNamespaced: true,
  isRuntime: true,
  body: (value, walk): PodSpec | undefined => {
    const decoded = manifest(value, walk);
    const ownership = readLifecycle(value, walk);
    checkCaptureAnnotations(walk.metadata.annotations, walk, 'metadata');
    return decoded === undefined || ownership === undefined
      ? undefined
      : { ...decoded.spec, ...ownership, status: decoded.status };
  },
});

function readLifecycle(
  value: unknown,
  walk: Parameters<typeof lifecycle>[1],
): Pick<PodSpec, 'owner' | 'isTerminating'> | undefined {
  const metadata = typeof value === 'object' && value !== null ? Reflect.get(value, 'metadata') : undefined;
  const ownerReferences = Reflect.get(Object(metadata), 'ownerReferences');
  const deletionTimestamp = Reflect.get(Object(metadata), 'deletionTimestamp');
  walk.path.push('metadata');
  const decoded = lifecycle({ ownerReferences, deletionTimestamp }, walk);
  walk.path.pop();
  if (decoded === undefined) return undefined;
  const controller = decoded.ownerReferences?.find((reference) => reference.controller);
  const isTerminating = decoded.deletionTimestamp !== undefined;
  if (controller === undefined) return { isTerminating };
  return { owner: { kind: controller.kind, name: controller.name }, isTerminating };
}
