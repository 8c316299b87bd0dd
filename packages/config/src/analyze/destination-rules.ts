// DestinationRules for hosts that are not there, and subsets that select nothing.
import type { ObjectOf } from '../kinds/kind-map.ts';
import { coversAny, expandHost, findHost } from './hosts.ts';
import { find, type Scene } from './scene.ts';
import { selectWorkloads } from './workloads.ts';

export function checkDestinationRules(scene: Scene): void {
  for (const object of scene.lookup.list('DestinationRule')) {
    const { namespace } = object.metadata;
    const host = expandHost(object.spec.host, namespace, scene.options.clusterDomain);
    const isKnown = host.startsWith('*')
      ? coversAny(scene.hosts, { host })
      : findHost(scene.hosts, host) !== undefined;
    if (isKnown) checkSubsets(scene, object, host);
    else {
      find(scene, object, ['spec', 'host'], {
        code: 'unknown-host',
        message: `no Service or ServiceEntry has the host "${host}"`,
        remedy: 'add it, or correct the host',
      });
    }
  }
}

function checkSubsets(scene: Scene, object: ObjectOf<'DestinationRule'>, host: string): void {
  const service = scene.hosts.byName.get(host);
  if (service?.selector === undefined) return;
  if (selectWorkloads(scene.workloads, service.selector, service.namespace).length === 0) return;
  for (const [index, { name, labels }] of object.spec.subsets.entries()) {
    const wanted = { ...service.selector, ...labels };
    if (selectWorkloads(scene.workloads, wanted, service.namespace).length > 0) continue;
    find(scene, object, ['spec', 'subsets', index, 'labels'], {
      code: 'selects-nothing',
      message: `no workload of "${host}" has the labels of subset "${name}"`,
      remedy: 'correct the labels, or deploy this version',
    });
  }
}
