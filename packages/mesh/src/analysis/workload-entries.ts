// WorkloadEntries with a name for an address where nobody looks names up: they are left out of the endpoints, and without a word nobody would know why.
import { isIpAddress, networkLabel, type ObjectOf } from '@xebec/config';
import type { Conflict } from '../conflict.ts';
import { isSelected, type Labels } from '../label-selectors.ts';
import { objectOf, problemAt, type Scene } from './scene.ts';

type WorkloadEntry = ObjectOf<'WorkloadEntry'>;

/** What takes addresses as they are written. */
interface Selecting {
  readonly name: string;
  readonly selector: Labels;
}

export function* checkWorkloadEntries(scene: Scene): Generator<Conflict> {
  const named = [...scene.objects.list('WorkloadEntry')].filter(isNamed);
  if (named.length === 0) return;
  const selecting = selectingByNamespace(scene);
  for (const object of named) {
    const labels = { ...object.metadata.labels, ...object.spec.labels };
    const found = (selecting.get(object.metadata.namespace) ?? []).filter(({ selector }) =>
      isSelected(selector, labels),
    );
    if (found.length === 0) continue;
    yield problemAt(object, 'spec.address', {
      code: 'workload-name-unresolved',
      message: `${object.spec.address} is a name, and ${found.map(({ name }) => name).join(', ')} looks no names up: this workload gets no requests from there`,
      remedy: 'write an IP address, or select it by a ServiceEntry with resolution DNS',
    });
  }
}

/** Where a network is told, the gateways of that network may lead there all the same. */
function isNamed({ metadata, spec }: WorkloadEntry): boolean {
  const { address, network, labels } = spec;
  const isPlace = address === '' || address.startsWith('unix:') || isIpAddress(address);
  return !isPlace && network === '' && (labels[networkLabel] ?? metadata.labels[networkLabel] ?? '') === '';
}

const resolving: ReadonlySet<string> = new Set(['DNS', 'DNS_ROUND_ROBIN']);

function selectingByNamespace({ objects }: Scene): ReadonlyMap<string, readonly Selecting[]> {
  const all = new Map<string, Selecting[]>();
  const add = (namespace: string, found: Selecting): void => {
    const known = all.get(namespace);
    if (known === undefined) all.set(namespace, [found]);
    else known.push(found);
  };
  for (const object of objects.list('Service')) {
    const { selector } = object.spec;
    if (Object.keys(selector).length > 0)
      add(object.metadata.namespace, { name: objectOf(object), selector });
  }
  for (const object of objects.list('ServiceEntry')) {
    const { workloadSelector: selector, resolution } = object.spec;
    if (selector !== undefined && !resolving.has(resolution))
      add(object.metadata.namespace, { name: objectOf(object), selector });
  }
  return all;
}
