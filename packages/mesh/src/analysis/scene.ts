// What a check may look at: the model as it was translated, the objects as they were written, and what is counted once for all checks.
import { keyOf, type ObjectLookup, type ObjectOf } from '@xebec/config';
import type { Destination, Host, ObjectKey, Service } from '@xebec/model';
import { seenIn } from '@xebec/model';
import type { Conflict } from '../conflict.ts';
import { expandHost } from '../host-names.ts';
import type { MeshCollections } from '../inputs.ts';
import type { MeshSettings } from '../settings.ts';
import { findWorkloads, type Workloads } from './workloads.ts';

export interface AnalysisInput {
  /** The objects in force. */
  readonly objects: ObjectLookup;
  /** What was made of them. */
  readonly mesh: MeshCollections;
  readonly settings: MeshSettings;
  /** True: what is not among the objects is not there. False: nothing is said of namespaces whose workloads are not known. */
  readonly isWhole: boolean;
}

export interface Scene extends AnalysisInput {
  readonly workloads: Workloads;
  /** By `NAMESPACE/NAME`. */
  readonly gateways: ReadonlyMap<string, ObjectOf<'Gateway'>>;
  /** Services by host, of all layers. */
  readonly servicesByHost: ReadonlyMap<Host, readonly Service[]>;
  readonly destinationsByHost: ReadonlyMap<Host, readonly Destination[]>;
}

/** Pure; linear in the mesh or nearly so. */
export type Check = (scene: Scene) => Iterable<Conflict>;

export function buildScene(input: AnalysisInput): Scene {
  const gateways = new Map<string, ObjectOf<'Gateway'>>();
  for (const gateway of input.objects.list('Gateway'))
    gateways.set(`${gateway.metadata.namespace}/${gateway.metadata.name}`, gateway);
  const { services, destinations } = input.mesh;
  return {
    ...input,
    workloads: findWorkloads(input.objects),
    gateways,
    servicesByHost: groupBy(services.entries(), ({ host }) => host),
    destinationsByHost: groupBy(destinations.entries(), ({ service }) => service.host),
  };
}

function groupBy<V>(
  entries: Iterable<readonly [string, V]>,
  keyed: (value: V) => string,
): ReadonlyMap<string, readonly V[]> {
  const groups = new Map<string, V[]>();
  for (const [, value] of entries) {
    const group = groups.get(keyed(value));
    if (group === undefined) groups.set(keyed(value), [value]);
    else group.push(value);
  }
  return groups;
}

type Named = { readonly kind: string; readonly metadata: ObjectOf<'Pod'>['metadata'] };

/** Something found at a field of an object. */
export const problemAt = (
  object: Named,
  field: string,
  found: Pick<Conflict, 'code' | 'message' | 'remedy'>,
): Conflict => ({ ...found, object: objectOf(object), field });

export const objectOf = (object: Named): ObjectKey => keyOf(object as ObjectOf<'Pod'>);

/** The service that a namespace knows by a name as it is written there. */
export function serviceSeen(scene: Scene, written: string, namespace: string): Service | undefined {
  const host = hostOf(scene, written, namespace);
  return seenIn(scene.mesh.services, `ns:${namespace}`, host);
}

export const hostOf = ({ settings }: Scene, written: string, namespace: string): Host =>
  expandHost(written, { namespace, clusterDomain: settings.clusterDomain });

/** Whether something can be said about the workloads of a namespace. */
export const isKnown = ({ isWhole, workloads }: Scene, namespace: string): boolean =>
  isWhole || workloads.namespaces.has(namespace);
