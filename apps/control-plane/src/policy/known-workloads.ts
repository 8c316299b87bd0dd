// The workloads of the mesh with the services they are of, as policy services know them. Kept only while somebody follows; a change touches one namespace.
import type { Collection, Graph } from '@xebec/flow';
import { type Backing, targetPortOf } from '@xebec/mesh';
import type { ObjectKey, Workload } from '@xebec/model';
import { encodeItem, type KnownWorkloadItem, workloadKey } from '@xebec/policy';

export interface WorkloadSources {
  readonly graph: Graph;
  readonly workloads: Collection<ObjectKey, Workload>;
  readonly backings: Collection<ObjectKey, Backing>;
}

export interface KnownWorkloads extends Disposable {
  /** Items by key, as texts. */
  readonly items: ReadonlyMap<string, string>;
}

type Service = KnownWorkloadItem['services'][number];

/** `onChange` is called with the keys that changed, once per epoch at most. */
export function followWorkloads(
  { graph, workloads, backings }: WorkloadSources,
  onChange: (keys: readonly string[]) => void,
): KnownWorkloads {
  const items = new Map<string, string>();
  const table = { workloads: byNamespace(workloads), backings: byNamespace(backings) };
  const refresh = (namespace: string): readonly string[] => refreshNamespace(items, table, namespace);
  for (const namespace of table.workloads.keys()) refresh(namespace);
  const touched = new Set<string>();
  const watches = [
    graph.watch(workloads, ({ changes }) => {
      for (const [key, { before, after }] of changes) place(table.workloads, key, { before, after }, touched);
    }),
    graph.watch(backings, ({ changes }) => {
      for (const [key, { before, after }] of changes) place(table.backings, key, { before, after }, touched);
    }),
    graph.onEpoch(() => {
      if (touched.size === 0) return;
      const keys = [...touched].flatMap(refresh);
      touched.clear();
      if (keys.length > 0) onChange(keys);
    }),
  ];
  return {
    items,
    [Symbol.dispose]() {
      for (const watch of watches) watch[Symbol.dispose]();
    },
  };
}

type ByNamespace<V> = Map<string, Map<ObjectKey, V>>;

interface Table {
  readonly workloads: ByNamespace<Workload>;
  readonly backings: ByNamespace<Backing>;
}

function byNamespace<V extends { readonly namespace: string }>(
  from: Collection<ObjectKey, V>,
): ByNamespace<V> {
  const found: ByNamespace<V> = new Map();
  for (const [key, value] of from.entries()) membersOf(found, value.namespace).set(key, value);
  return found;
}

function membersOf<V>(of: ByNamespace<V>, namespace: string): Map<ObjectKey, V> {
  const members = of.get(namespace) ?? new Map<ObjectKey, V>();
  of.set(namespace, members);
  return members;
}

function place<V extends { readonly namespace: string }>(
  of: ByNamespace<V>,
  key: ObjectKey,
  { before, after }: { readonly before: V | undefined; readonly after: V | undefined },
  touched: Set<string>,
): void {
  for (const namespace of [before?.namespace, after?.namespace])
    if (namespace !== undefined) touched.add(namespace);
  if (before !== undefined) membersOf(of, before.namespace).delete(key);
  if (after !== undefined) membersOf(of, after.namespace).set(key, after);
}

/** The keys of items that are others now. */
function refreshNamespace(items: Map<string, string>, table: Table, namespace: string): readonly string[] {
  const changed: string[] = [];
  const backings = [...(table.backings.get(namespace)?.values() ?? [])];
  const present = new Set<string>();
  for (const workload of table.workloads.get(namespace)?.values() ?? []) {
    const key = workloadKey(namespace, workload.name);
    const text = encodeItem(key, describe(workload, backings));
    present.add(key);
    if (items.get(key) === text) continue;
    items.set(key, text);
    changed.push(key);
  }
  const prefix = workloadKey(namespace, '');
  for (const key of items.keys()) {
    if (!key.startsWith(prefix) || present.has(key)) continue;
    items.delete(key);
    changed.push(key);
  }
  return changed;
}

function describe(workload: Workload, backings: readonly Backing[]): KnownWorkloadItem {
  const { name, namespace, serviceAccount, labels, addresses, ownerName, object } = workload;
  const isPod = object.startsWith('Pod/');
  return {
    uid: `kubernetes://${name}.${namespace}`,
    ...{ name, namespace, serviceAccount, labels },
    ips: addresses,
    services: backings
      .filter((backing) => selects(backing, labels))
      .flatMap((each) => servicesOf(each, workload)),
    workloadName: ownerName,
    owner: `kubernetes://apis/${isPod ? 'apps/v1' : 'networking.istio.io/v1'}/namespaces/${namespace}/${isPod ? 'deployments' : 'workloadentries'}/${ownerName}`,
  };
}

const selects = ({ selector }: Backing, labels: Workload['labels']): boolean =>
  Object.entries(selector).every(([key, value]) => labels[key] === value);

function servicesOf(backing: Backing, workload: Workload): readonly Service[] {
  const targetPorts = backing.ports.flatMap((port) => targetPortOf(port, workload) ?? []);
  return backing.hosts.map((host) => ({
    host,
    name: backing.name ?? host,
    namespace: backing.namespace,
    targetPorts: [...new Set(targetPorts)],
  }));
}
