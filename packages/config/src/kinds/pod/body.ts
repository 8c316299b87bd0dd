// What a Pod and a Deployment's template have in common.
import { andThen, boolean, type Decoder, integer, list, oneOf, text } from '../../decode/decoder.ts';
import { type Decoded, object, optional, required, withDefault } from '../../decode/object.ts';
import { dnsSubdomain } from '../../values/names.ts';
import { container } from './container.ts';
import type { Container, PodBody } from './spec.ts';
import { checkContainers } from './validate.ts';

const shape = {
  serviceAccountName: optional(dnsSubdomain),
  serviceAccount: optional(dnsSubdomain),
  containers: required(list(container, { least: 1, most: 1_000 })),
  initContainers: withDefault<readonly Container[]>(list(container, { most: 1_000 }), []),
  restartPolicy: withDefault(oneOf('Always', 'OnFailure', 'Never'), 'Always'),
  terminationGracePeriodSeconds: withDefault(integer(0, 86_400), 30),
  hostNetwork: withDefault(boolean, false),
  nodeName: withDefault(text, ''),
  hostname: withDefault(text, ''),
};

/** Scheduling, isolation and storage: the platform's own business. */
const ignored = [
  'activeDeadlineSeconds',
  'affinity',
  'automountServiceAccountToken',
  'dnsConfig',
  'dnsPolicy',
  'enableServiceLinks',
  'ephemeralContainers',
  'hostAliases',
  'hostIPC',
  'hostPID',
  'hostUsers',
  'imagePullSecrets',
  'nodeSelector',
  'os',
  'overhead',
  'preemptionPolicy',
  'priority',
  'priorityClassName',
  'readinessGates',
  'resourceClaims',
  'resources',
  'runtimeClassName',
  'schedulerName',
  'schedulingGates',
  'securityContext',
  'setHostnameAsFQDN',
  'shareProcessNamespace',
  'subdomain',
  'tolerations',
  'topologySpreadConstraints',
  'volumes',
];

const normalize = (value: Decoded<typeof shape>): PodBody => ({
  serviceAccountName: value.serviceAccountName ?? value.serviceAccount ?? 'default',
  containers: value.containers,
  initContainers: value.initContainers,
  restartPolicy: value.restartPolicy,
  terminationGracePeriodMs: value.terminationGracePeriodSeconds * 1_000,
  hostNetwork: value.hostNetwork,
  nodeName: value.nodeName,
  hostname: value.hostname,
});

export const podBody: Decoder<PodBody> = andThen(
  object(shape, { ignored, isTolerant: true }),
  (value, walk) => checkContainers(normalize(value), walk),
);
