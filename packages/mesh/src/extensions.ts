// WasmPlugins and TrafficExtensions as one thing: a filter with workloads and a place. What it does is not looked at here.
import { type ConfigObject, type ExtensionSpec, trafficOf } from '@xebec/config';
import type { Collection, Graph } from '@xebec/flow';
import type { ExtensionSide, ObjectKey, ProxyRole } from '@xebec/model';
import { deepEqual } from '@xebec/std';
import { compareText } from './host-names.ts';
import type { MeshInputs } from './inputs.ts';

export type Extension = ConfigObject<'WasmPlugin' | 'TrafficExtension', ExtensionSpec>;
export type Extensions = Collection<ObjectKey, Extension>;

export const deriveExtensions = (
  graph: Graph,
  { wasmPlugins, trafficExtensions }: Pick<MeshInputs, 'wasmPlugins' | 'trafficExtensions'>,
): Extensions => graph.union<ObjectKey, Extension>('mesh.extensions', wasmPlugins, trafficExtensions);

/** An extension as far as it decides who has its filter, and where. */
export interface ExtensionPlace extends Omit<ExtensionSpec, 'filter'> {
  readonly namespace: string;
  readonly name: string;
}

/** Equal as long as only what the filter is told changes: that concerns no chain. */
export const derivePlaces = (graph: Graph, extensions: Extensions): Collection<ObjectKey, ExtensionPlace> =>
  graph.derive({
    name: 'mesh.extensionPlaces',
    from: extensions,
    fn: ({ metadata: { namespace, name }, spec: { filter: _, ...place } }, key: ObjectKey) => [
      [key, { ...place, namespace, name }] as const,
    ],
    equals: deepEqual,
  });

/** What registries are told, as Docker's configuration file has it. */
export const derivePullSecrets = (
  graph: Graph,
  { secrets }: Pick<MeshInputs, 'secrets'>,
): Collection<ObjectKey, string> =>
  graph.derive({
    name: 'mesh.pullSecrets',
    from: secrets,
    fn: ({ spec: { data } }, key: ObjectKey) => {
      const file = data['.dockerconfigjson'];
      return file === undefined ? [] : [[key, new TextDecoder().decode(file)] as const];
    },
  });

const phases: readonly ExtensionSpec['phase'][] = ['AUTHN', 'AUTHZ', 'STATS', 'UNSPECIFIED'];

type Named = readonly (readonly [ObjectKey, ExtensionPlace])[];

/** In the order of a chain: by phase, then the highest priority first, then by namespace and name. */
export const extensionsByPhase = (extensions: Named): Named =>
  [...extensions].sort(
    ([leftKey, left], [rightKey, right]) =>
      phases.indexOf(left.phase) - phases.indexOf(right.phase) ||
      right.priority - left.priority ||
      compareText(left.namespace, right.namespace) ||
      compareText(left.name, right.name) ||
      compareText(leftKey, rightKey),
  );

/** The sides of a proxy on which an extension has its filter. */
export function sidesOf(place: ExtensionPlace, role: ProxyRole): readonly ExtensionSide[] {
  const sides: readonly ExtensionSide[] =
    role === 'router' ? ['GATEWAY'] : ['SIDECAR_INBOUND', 'SIDECAR_OUTBOUND'];
  return sides.filter((side) => trafficOf(place, side).length > 0);
}
