// Which workloads there are or will be: Pods, WorkloadEntries, and the templates of those to come, indexed by their labels.
import type { ContainerPort, ObjectLookup } from '@xebec/config';
import type { ObjectKey } from '@xebec/model';
import { isSelected, type Labels } from '../label-selectors.ts';

export interface KnownWorkload {
  readonly object: ObjectKey;
  readonly namespace: string;
  readonly labels: Labels;
  readonly ports: readonly { readonly name: string; readonly number: number }[];
}

export interface Workloads {
  readonly all: readonly KnownWorkload[];
  /** By `key=value`. */
  readonly byLabel: ReadonlyMap<string, readonly KnownWorkload[]>;
  readonly namespaces: ReadonlySet<string>;
}

export function findWorkloads(objects: ObjectLookup): Workloads {
  const byLabel = new Map<string, KnownWorkload[]>();
  const all = [...listWorkloads(objects)];
  for (const workload of all) {
    for (const [key, value] of Object.entries(workload.labels)) {
      const label = `${key}=${value}`;
      const known = byLabel.get(label);
      if (known === undefined) byLabel.set(label, [workload]);
      else known.push(workload);
    }
  }
  return { all, byLabel, namespaces: new Set(all.map(({ namespace }) => namespace)) };
}

function* listWorkloads(objects: ObjectLookup): Generator<KnownWorkload> {
  for (const { metadata, spec } of objects.list('Pod')) yield podOf('Pod', metadata, spec.containers);
  for (const { metadata, spec } of objects.list('Deployment')) {
    const { labels, body } = spec.template;
    yield podOf('Deployment', { ...metadata, labels }, body.containers);
  }
  for (const { metadata, spec } of objects.list('WorkloadEntry')) {
    const { namespace, name } = metadata;
    const labels = { ...metadata.labels, ...spec.labels };
    yield {
      object: `WorkloadEntry/${namespace}/${name}`,
      namespace,
      labels,
      ports: Object.entries(spec.ports).map(([port, number]) => ({ name: port, number })),
    };
  }
  for (const { metadata, spec } of objects.list('WorkloadGroup')) {
    const { namespace, name } = metadata;
    yield { object: `WorkloadGroup/${namespace}/${name}`, namespace, labels: spec.labels, ports: [] };
  }
}

interface Named {
  readonly namespace: string;
  readonly name: string;
  readonly labels: Labels;
}

const podOf = (
  kind: string,
  { namespace, name, labels }: Named,
  containers: readonly { readonly ports: readonly ContainerPort[] }[],
): KnownWorkload => ({
  object: `${kind}/${namespace}/${name}`,
  namespace,
  labels,
  ports: containers.flatMap(({ ports }) =>
    ports.map(({ name: port, port: number }) => ({ name: port, number })),
  ),
});

/** Workloads with all of the wanted labels, of one namespace or of all; a selector without labels selects all. */
export function selectWorkloads(
  { all, byLabel }: Workloads,
  wanted: Labels,
  namespace?: string,
): readonly KnownWorkload[] {
  const [first] = Object.entries(wanted);
  const candidates = first === undefined ? all : (byLabel.get(`${first[0]}=${first[1]}`) ?? []);
  return candidates.filter(
    (workload) =>
      (namespace === undefined || workload.namespace === namespace) && isSelected(wanted, workload.labels),
  );
}
