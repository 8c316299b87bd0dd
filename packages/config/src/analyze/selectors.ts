// Services, ServiceEntries, PeerAuthentications and EndpointSlices that select or belong to nothing.

import type { Path } from '../decode/walk.ts';
import type { AnyObject, ObjectOf } from '../kinds/kind-map.ts';
import type { TextMap } from '../values/shapes.ts';
import { find, type Scene } from './scene.ts';
import { type KnownWorkload, selectWorkloads } from './workloads.ts';

export function checkSelectors(scene: Scene): void {
  for (const object of scene.lookup.list('Service')) {
    const selected = checkSelector(scene, object, {
      wanted: object.spec.selector,
      path: ['spec', 'selector'],
    });
    checkTargetPorts(scene, object, selected);
  }
  for (const object of scene.lookup.list('ServiceEntry')) {
    const wanted = object.spec.workloadSelector;
    if (wanted !== undefined) checkSelector(scene, object, { wanted, path: ['spec', 'workloadSelector'] });
  }
  for (const object of scene.lookup.list('PeerAuthentication')) {
    const wanted = object.spec.selector;
    if (wanted !== undefined) checkSelector(scene, object, { wanted, path: ['spec', 'selector'] });
  }
  checkSlices(scene);
  checkServiceAccounts(scene);
}

interface Selection {
  readonly wanted: TextMap;
  readonly path: Path;
}

/** Says nothing about namespaces whose workloads are not known here. */
function checkSelector(
  scene: Scene,
  object: Pick<AnyObject, 'kind' | 'metadata'>,
  { wanted, path }: Selection,
): readonly KnownWorkload[] {
  const { namespace } = object.metadata;
  if (Object.keys(wanted).length === 0 || !scene.workloads.namespaces.has(namespace)) return [];
  const selected = selectWorkloads(scene.workloads, wanted, namespace);
  if (selected.length > 0) return selected;
  const message = `no workload in namespace "${namespace}" has these labels`;
  find(scene, object, path, {
    code: 'selects-nothing',
    message,
    remedy: 'correct the labels, or deploy such a workload',
  });
  return selected;
}

function checkTargetPorts(
  scene: Scene,
  object: ObjectOf<'Service'>,
  selected: readonly KnownWorkload[],
): void {
  if (selected.length === 0) return;
  for (const [index, { targetPort }] of object.spec.ports.entries()) {
    if (typeof targetPort === 'number') continue;
    if (selected.some(({ portNames }) => portNames.has(targetPort))) continue;
    const message = `no selected workload has a port named "${targetPort}"`;
    const remedy = 'name the container port, or write its number';
    find(scene, object, ['spec', 'ports', index, 'targetPort'], { code: 'unknown-port', message, remedy });
  }
}

function checkSlices(scene: Scene): void {
  let services: Set<string> | undefined;
  for (const object of scene.lookup.list('EndpointSlice')) {
    const { service } = object.spec;
    if (service === '') continue;
    services ??= namesOf(scene.lookup.list('Service'));
    if (services.has(`${object.metadata.namespace}/${service}`)) continue;
    const path = ['metadata', 'labels', 'kubernetes.io/service-name'];
    const message = `there is no Service "${service}" in namespace "${object.metadata.namespace}"`;
    find(scene, object, path, { code: 'unknown-service', message, remedy: 'add it, or correct the label' });
  }
}

function checkServiceAccounts(scene: Scene): void {
  let accounts: Set<string> | undefined;
  for (const object of scene.lookup.list('Deployment')) {
    const { serviceAccountName: name } = object.spec.template.body;
    if (name === 'default') continue;
    accounts ??= namesOf(scene.lookup.list('ServiceAccount'));
    if (accounts.has(`${object.metadata.namespace}/${name}`)) continue;
    const path = ['spec', 'template', 'spec', 'serviceAccountName'];
    const message = `there is no ServiceAccount "${name}" in namespace "${object.metadata.namespace}"`;
    find(scene, object, path, {
      code: 'unknown-service-account',
      message,
      remedy: 'add it; a cluster needs it',
    });
  }
}

const namesOf = (
  objects: Iterable<{ readonly metadata: { readonly namespace: string; readonly name: string } }>,
): Set<string> => new Set([...objects].map(({ metadata }) => `${metadata.namespace}/${metadata.name}`));
