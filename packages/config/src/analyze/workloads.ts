// Which workloads exist: Pods, the templates of Deployments, and WorkloadEntries, indexed by their labels.
import { matchesLabels } from '../values/matches-selector.ts';
import type { TextMap } from '../values/shapes.ts';
import type { ObjectLookup } from './lookup.ts';

export interface KnownWorkload {
  readonly namespace: string;
  readonly labels: TextMap;
  /** Names of container ports. */
  readonly portNames: ReadonlySet<string>;
}

export interface Workloads {
  /** By `key=value`. */
  readonly byLabel: ReadonlyMap<string, readonly KnownWorkload[]>;
  readonly namespaces: ReadonlySet<string>;
  /** Something runs: what is not among the workloads is not there. */
  readonly areRunning: boolean;
}

export function buildWorkloads(lookup: ObjectLookup): Workloads {
  const byLabel = new Map<string, KnownWorkload[]>();
  const namespaces = new Set<string>();
  for (const workload of listWorkloads(lookup)) {
    namespaces.add(workload.namespace);
    for (const key of Object.keys(workload.labels)) {
      const label = `${key}=${workload.labels[key]}`;
      const known = byLabel.get(label);
      if (known === undefined) byLabel.set(label, [workload]);
      else known.push(workload);
    }
  }
  return { byLabel, namespaces, areRunning: !isEmpty(lookup.list('Pod')) };
}

function isEmpty(objects: Iterable<unknown>): boolean {
  for (const _ of objects) return false;
  return true;
}

function* listWorkloads(lookup: ObjectLookup): Generator<KnownWorkload> {
  for (const { metadata, spec } of lookup.list('Pod')) {
    yield { namespace: metadata.namespace, labels: metadata.labels, portNames: portNames(spec.containers) };
  }
  for (const { metadata, spec } of lookup.list('Deployment')) {
    const { labels, body } = spec.template;
    yield { namespace: metadata.namespace, labels, portNames: portNames(body.containers) };
  }
  for (const { metadata, spec } of lookup.list('WorkloadEntry')) {
    const labels = { ...metadata.labels, ...spec.labels };
    yield { namespace: metadata.namespace, labels, portNames: new Set(Object.keys(spec.ports)) };
  }
}

const portNames = (
  containers: readonly { readonly ports: readonly { readonly name: string }[] }[],
): ReadonlySet<string> => new Set(containers.flatMap(({ ports }) => ports.map(({ name }) => name)));

/** Workloads with all of the wanted labels, of one namespace or of all; an empty selector selects none here. */
export function selectWorkloads(
  workloads: Workloads,
  wanted: TextMap,
  namespace?: string,
): readonly KnownWorkload[] {
  const [first] = Object.keys(wanted);
  if (first === undefined) return [];
  const candidates = workloads.byLabel.get(`${first}=${wanted[first]}`) ?? [];
  return candidates.filter(
    (workload) =>
      (namespace === undefined || workload.namespace === namespace) && matchesLabels(wanted, workload.labels),
  );
}
