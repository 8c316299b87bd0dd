// What the mesh knows of a workload, as attributes of one side of a call.

import type { Identity } from '@xebec/ca';
import type { KnownService, KnownWorkload, SeenWorkload } from '../workload-directory.ts';
import { addressBytes } from './addresses.ts';
import type { BagBuilder } from './bag-builder.ts';

export type Side = 'source' | 'destination';

/** As Istio writes them: `TRUST_DOMAIN/ns/NAMESPACE/sa/NAME`. */
export const principalOf = ({ trustDomain, namespace, serviceAccount }: Identity): string =>
  `${trustDomain}/ns/${namespace}/sa/${serviceAccount}`;

export const isWorkloadOf = (workload: KnownWorkload, identity: Identity): boolean =>
  workload.namespace === identity.namespace && workload.serviceAccount === identity.serviceAccount;

/** What is true of each of them, as one workload; which one it is nobody knows then. */
export function inCommon(workloads: readonly KnownWorkload[]): SeenWorkload | undefined {
  const [first, ...others] = workloads;
  if (first === undefined || others.length === 0) return first;
  const { namespace, serviceAccount, workloadName, owner } = first;
  const labels = Object.entries(first.labels).filter(([name, value]) =>
    others.every((each) => Object.hasOwn(each.labels, name) && each.labels[name] === value),
  );
  const isShared = others.every((each) => each.workloadName === workloadName);
  return {
    namespace,
    serviceAccount,
    labels: Object.fromEntries(labels),
    ips: [],
    services: [],
    ...(isShared && workloadName !== undefined ? { workloadName } : {}),
    ...(isShared && owner !== undefined ? { owner } : {}),
  };
}

/** Of one side, by what they say. */
const namesOf = (side: Side) => ({
  principal: `${side}.principal`,
  namespace: `${side}.namespace`,
  serviceAccount: `${side}.serviceAccount`,
  metadata: `${side}.metadata`,
  ip: `${side}.ip`,
  uid: `${side}.uid`,
  name: `${side}.name`,
  owner: `${side}.owner`,
  labels: `${side}.labels`,
  workloadUid: `${side}.workload.uid`,
  workloadName: `${side}.workload.name`,
  workloadNamespace: `${side}.workload.namespace`,
});

const names = { source: namesOf('source'), destination: namesOf('destination') } as const;

/** What does not change while a workload is what it is. */
interface WorkloadFacts {
  readonly labels: ReadonlyMap<string, string>;
  readonly uid: string | undefined;
  readonly services: string | undefined;
}

const rememberedFacts = new WeakMap<SeenWorkload, WorkloadFacts>();

function factsOf(workload: SeenWorkload): WorkloadFacts {
  const remembered = rememberedFacts.get(workload);
  if (remembered !== undefined) return remembered;
  const hosts = workload.services.map(({ host }) => host).join(',');
  const facts: WorkloadFacts = {
    labels: new Map(Object.entries(workload.labels)),
    uid: workloadUid(workload),
    services: hosts === '' ? undefined : hosts,
  };
  rememberedFacts.set(workload, facts);
  return facts;
}

/** All attributes that say who a side is; those that are not known are taken away. */
export function knowSide(
  bag: BagBuilder,
  side: Side,
  known: { readonly identity?: Identity | undefined; readonly workload?: SeenWorkload | undefined },
): void {
  const { identity, workload } = known;
  const principal = identity === undefined ? undefined : principalOf(identity);
  const facts = workload === undefined ? undefined : factsOf(workload);
  const called = names[side];
  bag.know(called.principal, principal);
  bag.know(called.namespace, workload?.namespace ?? identity?.namespace);
  bag.know(called.serviceAccount, workload?.serviceAccount ?? identity?.serviceAccount);
  bag.know(called.uid, workload?.uid);
  bag.know(called.name, workload?.name);
  bag.know(called.owner, workload?.owner);
  bag.know(called.labels, facts?.labels);
  bag.know(called.metadata, undefined);
  bag.know(called.workloadUid, facts?.uid);
  bag.know(called.workloadName, workload?.workloadName);
  bag.know(called.workloadNamespace, workload?.workloadName === undefined ? undefined : workload.namespace);
  if (side === 'destination') return;
  bag.know('source.user', principal);
  bag.know('source.services', facts?.services);
}

const workloadUid = (workload: SeenWorkload | undefined): string | undefined =>
  workload?.workloadName === undefined
    ? undefined
    : `istio://${workload.namespace}/workloads/${workload.workloadName}`;

export function knowAddress(bag: BagBuilder, side: Side, ip: string | undefined): void {
  bag.know(names[side].ip, ip === undefined ? undefined : addressBytes(ip));
}

/** Which of its services a call to a workload is for: by the host that was asked for, else by port. */
export function serviceOf(
  { services }: KnownWorkload,
  asked: { readonly host?: string; readonly port?: number },
): KnownService | undefined {
  const host = asked.host?.toLowerCase().replace(/:\d+$/, '');
  const atPort = services.filter(
    ({ targetPorts }) =>
      targetPorts.length === 0 || asked.port === undefined || targetPorts.includes(asked.port),
  );
  const named = atPort.find((service) => host !== undefined && isCalled(service, host));
  return named ?? atPort[0] ?? services[0];
}

const isCalled = ({ host, name, namespace }: KnownService, asked: string): boolean =>
  asked === host ||
  asked === name ||
  asked === `${name}.${namespace}` ||
  asked === `${name}.${namespace}.svc`;

export function knowService(bag: BagBuilder, service: KnownService | undefined): void {
  bag.know('destination.service.host', service?.host);
  bag.know('destination.service.name', service?.name);
  bag.know('destination.service.namespace', service?.namespace);
  bag.know(
    'destination.service.uid',
    service === undefined ? undefined : `istio://${service.namespace}/services/${service.name}`,
  );
}
