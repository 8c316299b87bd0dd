// The set of objects, indexed once for all checks: hosts, workloads and what refers to them. Linear in the number of objects.
import type { Diagnostic } from '@xebec/std';
import { type Complaint, formatPath, type Path } from '../decode/walk.ts';
import type { AnyObject } from '../kinds/kind-map.ts';
import { keyOf } from '../kinds/registry.ts';
import { buildHosts, type Hosts } from './hosts.ts';
import type { AnalyzeOptions, ObjectLookup } from './lookup.ts';
import { buildWorkloads, type Workloads } from './workloads.ts';

export interface Scene {
  readonly lookup: ObjectLookup;
  readonly options: AnalyzeOptions;
  readonly hosts: Hosts;
  readonly workloads: Workloads;
  readonly findings: Diagnostic[];
}

export function buildScene(lookup: ObjectLookup, options: AnalyzeOptions): Scene {
  return {
    lookup,
    options,
    hosts: buildHosts(lookup, options),
    workloads: buildWorkloads(lookup),
    findings: [],
  };
}

type Named = Pick<AnyObject, 'kind' | 'metadata'>;

/** Records a warning at a field of an object. */
export function find(scene: Scene, object: Named, path: Path, complaint: Complaint): void {
  const key = keyOf(object);
  const place = scene.lookup.locate?.(key, path);
  scene.findings.push({
    severity: 'warning',
    ...complaint,
    origin: { ...place, object: key },
    ...(path.length === 0 ? {} : { field: formatPath(path) }),
  });
}
