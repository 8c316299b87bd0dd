// Workloads that join a WorkloadGroup by connecting: each has a WorkloadEntry for as long as it is there, and a little longer.
import { type Locality, type ObjectOf, objectKey } from '@xebec/config';
import type { ObjectKey, ProxyNode } from '@xebec/model';
import type { Diagnostic } from '@xebec/std';
import type { Store } from '@xebec/store';

/** A reconnect within it changes nothing. Istio's own default. */
const defaultGraceMs = 10_000;
/** Reports are kept for workloads that have not connected yet, up to so many. */
const mostReports = 10_000;

const groupAnnotation = 'istio.io/autoRegistrationGroup';

/** What the agent beside a workload found out about it. */
export interface HealthReport {
  readonly isHealthy: boolean;
  /** In words, when it is not. */
  readonly message: string;
}

/** Where a report belongs. */
export interface WorkloadPlace {
  readonly namespace: string;
  readonly group: string;
  readonly address: string;
}

export interface WorkloadRegistrations extends Disposable {
  connected(proxy: ProxyNode): void;
  disconnected(proxy: ProxyNode): void;
  report(place: WorkloadPlace, health: HealthReport): void;
  /** The workload says itself that it goes: nobody waits for it. */
  leave(place: WorkloadPlace): void;
}

export interface RegistrationOptions {
  readonly store: Store;
  readonly graceMs?: number;
  readonly clock: () => number;
  readonly onProblem: (problem: Diagnostic) => void;
}

interface Member {
  readonly proxy: ProxyNode;
  readonly place: WorkloadPlace;
  readonly connectedAt: string;
  leaving?: NodeJS.Timeout;
}

export function createRegistrations(options: RegistrationOptions): WorkloadRegistrations {
  const { store, graceMs = defaultGraceMs } = options;
  const members = new Map<string, Member>();
  const reports = new Map<string, HealthReport>();

  const write = (key: string): void => {
    const member = members.get(key);
    if (member !== undefined) register(member, reports.get(key), options);
  };
  const remove = (key: string): void => {
    const member = members.get(key);
    clearTimeout(member?.leaving);
    members.delete(key);
    reports.delete(key);
    if (member !== undefined) store.deleteRuntime(entryKeyOf(member.place));
  };
  const watch = store.watch(({ changes }) => {
    const groups = new Set(changes.map(({ key }) => key).filter((key) => key.startsWith('WorkloadGroup/')));
    if (groups.size === 0) return;
    for (const [key, { place }] of members)
      if (groups.has(groupKeyOf(place))) queueMicrotask(() => write(key));
  });

  return {
    connected(proxy) {
      const place = placeOf(proxy);
      if (place === undefined) return;
      const key = keyOf(place);
      const before = members.get(key);
      clearTimeout(before?.leaving);
      const connectedAt = before?.connectedAt ?? new Date(options.clock()).toISOString();
      members.set(key, { proxy, place, connectedAt });
      write(key);
    },
    disconnected(proxy) {
      const place = placeOf(proxy);
      const member = place === undefined ? undefined : members.get(keyOf(place));
      if (place === undefined || member?.proxy.id !== proxy.id) return;
      clearTimeout(member.leaving);
      member.leaving = setTimeout(() => remove(keyOf(place)), graceMs).unref();
    },
    report(place, health) {
      const key = keyOf(place);
      if (reports.size >= mostReports && !reports.has(key)) return;
      reports.set(key, health);
      write(key);
    },
    leave: (place) => remove(keyOf(place)),
    [Symbol.dispose]() {
      if (watch.ok) watch.value[Symbol.dispose]();
      for (const { leaving } of members.values()) clearTimeout(leaving);
    },
  };
}

function placeOf({ namespace, workloadGroup, address }: ProxyNode): WorkloadPlace | undefined {
  return workloadGroup === undefined ? undefined : { namespace, group: workloadGroup, address };
}

const keyOf = ({ namespace, group, address }: WorkloadPlace): string => `${namespace}/${group}/${address}`;
const groupKeyOf = ({ namespace, group }: WorkloadPlace): ObjectKey =>
  objectKey('WorkloadGroup', namespace, group);

/** `GROUP-ADDRESS`: the same at every return. */
const entryNameOf = ({ group, address }: WorkloadPlace): string =>
  `${group}-${address.replaceAll(/[.:]+/g, '-')}`;
const entryKeyOf = (place: WorkloadPlace): ObjectKey =>
  objectKey('WorkloadEntry', place.namespace, entryNameOf(place));

function register(member: Member, health: HealthReport | undefined, options: RegistrationOptions): void {
  const { store, onProblem } = options;
  const { place, proxy } = member;
  const group = store.source('WorkloadGroup').get(groupKeyOf(place));
  if (group === undefined) {
    store.deleteRuntime(entryKeyOf(place));
    onProblem(unregistered(place, 'there is no such group', 'apply the WorkloadGroup'));
    return;
  }
  const { serviceAccount } = group.spec.template;
  if (serviceAccount !== proxy.serviceAccount) {
    store.deleteRuntime(entryKeyOf(place));
    const reason = `it is ${proxy.serviceAccount}, and the group is for ${serviceAccount}`;
    onProblem(unregistered(place, reason, `connect with the service account ${serviceAccount}`));
    return;
  }
  const isUnknown = health === undefined && group.spec.probe !== undefined;
  const state = health ?? { isHealthy: !isUnknown, message: isUnknown ? 'not probed yet' : '' };
  const written = store.putRuntime(entryOf(member, group, state));
  if (!written.ok) written.diagnostics.forEach(onProblem);
}

const unregistered = (place: WorkloadPlace, reason: string, remedy: string): Diagnostic => ({
  severity: 'warning',
  code: 'workload-not-registered',
  message: `${place.address} is not registered in WorkloadGroup ${place.namespace}/${place.group}: ${reason}`,
  remedy,
});

/** What is written of a WorkloadEntry of the group, with the sidecar that has just connected on its behalf. */
function entryOf(
  { proxy, place, connectedAt }: Member,
  group: ObjectOf<'WorkloadGroup'>,
  state: HealthReport,
) {
  const { labels, annotations, template } = group.spec;
  const { locality, network, ports, serviceAccount, weight } = template;
  return {
    apiVersion: 'networking.istio.io/v1',
    kind: 'WorkloadEntry',
    metadata: {
      name: entryNameOf(place),
      namespace: place.namespace,
      labels,
      annotations: {
        ...annotations,
        [groupAnnotation]: place.group,
        'istio.io/workloadController': 'xebec',
        'istio.io/connectedAt': connectedAt,
      },
      ownerReferences: [
        { apiVersion: group.apiVersion, kind: group.kind, name: place.group, controller: true },
      ],
    },
    spec: {
      address: proxy.address,
      labels: { ...labels, ...template.labels, 'security.istio.io/tlsMode': 'istio' },
      ports,
      serviceAccount,
      weight,
      ...(locality === undefined ? {} : { locality: localityText(locality) }),
      ...networkSaid(proxy.network || network),
    },
    status: {
      conditions: [{ type: 'Healthy', status: state.isHealthy ? 'True' : 'False', message: state.message }],
    },
  };
}

/** The proxy's own word before that of its group. */
const networkSaid = (network: string) => (network === '' ? {} : { network });

const localityText = ({ region, zone, subzone }: Locality): string =>
  [region, zone, subzone].filter((part) => part !== '').join('/');
