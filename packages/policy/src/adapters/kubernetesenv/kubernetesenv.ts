// kubernetesenv: tells who the two sides of a call are, from what the mesh knows: Pods, virtual machines and local processes alike. Rule: a side that is not known stays without attributes; nothing is guessed.
import { decodeWith, object } from '@xebec/config/decode';
import type { AttributeValue } from '../../attributes/value.ts';
import { formatIpAddress, parseIpAddress } from '../../expressions/values/ip-address.ts';
import type { InstanceValue } from '../../templates/template.ts';
import type { Adapter } from '../sdk.ts';

/** A workload as the mesh knows it. */
export interface IndexedWorkload {
  /** `kubernetes://NAME.NAMESPACE`. */
  readonly uid: string;
  readonly name: string;
  readonly namespace: string;
  readonly serviceAccount: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly ips: readonly string[];
  /** Of the Deployment or whatever it is one of; empty: of nothing. */
  readonly workloadName?: string;
  /** `kubernetes://apis/apps/v1/namespaces/NS/deployments/NAME`; empty: nobody. */
  readonly owner?: string;
  readonly hostIp?: string;
  /** Containers by the ports that they listen at. */
  readonly containers?: Readonly<Record<string, string>>;
}

export interface WorkloadIndex {
  byName(namespace: string, name: string): IndexedWorkload | undefined;
  /** `ip` as the workload's own `ips` write it. */
  byAddress(ip: string): IndexedWorkload | undefined;
}

/** What Mixer's adapter needed to reach Kubernetes means nothing here: the mesh knows its workloads. */
const params = object(
  {},
  { inert: ['kubeconfigPath', 'cacheRefreshDuration', 'clusterRegistriesNamespace'] },
);

/** Without an index nobody is known. */
export const kubernetesenv = (index?: WorkloadIndex): Adapter<object> => ({
  name: 'kubernetesenv',
  description: 'produces attributes of source and destination from the workloads of the mesh',
  templates: ['kubernetes'],
  parse: (written) => decodeWith(params, written),
  build: () => ({
    generate: ({ fields }) => {
      const source = find(index, fields['source_uid'], fields['source_ip']);
      const destination = find(index, fields['destination_uid'], fields['destination_ip']);
      return {
        ...describe('source', source),
        ...describe('destination', destination),
        ...containerOf(destination, fields['destination_port']),
      };
    },
  }),
});

type Output = Record<string, AttributeValue>;

/** By name when there is one, else by address, as Mixer did. */
function find(
  index: WorkloadIndex | undefined,
  uid: InstanceValue | undefined,
  ip: InstanceValue | undefined,
): IndexedWorkload | undefined {
  if (index === undefined) return undefined;
  if (typeof uid === 'string' && uid !== '') return findByUid(index, uid);
  if (!(ip instanceof Uint8Array) || ip.every((byte) => byte === 0)) return undefined;
  return index.byAddress(formatIpAddress(ip));
}

const prefix = 'kubernetes://';

/** `kubernetes://NAME.NAMESPACE`; a namespace has no dots, a name may. */
function findByUid(index: WorkloadIndex, uid: string): IndexedWorkload | undefined {
  const name = uid.startsWith(prefix) ? uid.slice(prefix.length) : uid;
  const last = name.lastIndexOf('.');
  return last <= 0 ? index.byAddress(name) : index.byName(name.slice(last + 1), name.slice(0, last));
}

function describe(side: 'source' | 'destination', workload: IndexedWorkload | undefined): Output {
  if (workload === undefined) return {};
  const { uid, name, namespace, serviceAccount, labels, workloadName, owner, ips, hostIp } = workload;
  const output: Output = {};
  const set = (field: string, value: AttributeValue | undefined): void => {
    if (value !== undefined && value !== '') output[`${side}_${field}`] = value;
  };
  set('pod_uid', uid);
  set('pod_name', name);
  set('namespace', namespace);
  set('service_account_name', serviceAccount);
  set('labels', new Map(Object.entries(labels)));
  set('pod_ip', ips[0] === undefined ? undefined : parseIpAddress(ips[0]));
  set('host_ip', hostIp === undefined ? undefined : parseIpAddress(hostIp));
  set('owner', owner);
  const group = workloadName === undefined || workloadName === '' ? name : workloadName;
  set('workload_name', group);
  set('workload_namespace', namespace);
  set('workload_uid', `istio://${namespace}/workloads/${group}`);
  return output;
}

function containerOf(workload: IndexedWorkload | undefined, port: InstanceValue | undefined): Output {
  const name = typeof port === 'bigint' ? workload?.containers?.[port.toString()] : undefined;
  return name === undefined ? {} : { destination_container_name: name };
}
