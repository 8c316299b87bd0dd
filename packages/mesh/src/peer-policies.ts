// Mutual TLS that a workload accepts: port over workload over namespace over mesh, PERMISSIVE where nobody says anything.
import type { MutualTlsMode, ObjectOf } from '@xebec/config';
import type { Collection, Graph, Index } from '@xebec/flow';
import type { Cause, MutualTls, ObjectKey, PeerPolicy, Workload } from '@xebec/model';
import { deepEqual } from '@xebec/std';
import { compareText } from './host-names.ts';
import type { MeshInputs } from './inputs.ts';
import {
  anchorOfSelector,
  anchorsOfLabels,
  isSelected,
  type Labels,
  type SelectorAnchor,
} from './label-selectors.ts';
import type { AnchorLookup, Lookup } from './lookups.ts';
import { type SettingsLookup, settingsOf } from './settings.ts';

type PeerAuthentication = ObjectOf<'PeerAuthentication'>;

/** What a namespace says for itself. */
interface NamespaceMode {
  readonly mode: MutualTlsMode;
  readonly cause: Cause;
}

/** The collections and indexes from which the policy of any workload is put together. */
export interface PeerSources {
  /** Only namespaces that have a policy of their own, the root namespace's among them. */
  readonly namespacePeers: Collection<string, PeerPolicy>;
  readonly peersBySelector: Index<SelectorAnchor, ObjectKey, PeerAuthentication>;
  /** Policies with a selector by namespace: where there are none, labels need not be looked at. */
  readonly selectingPeers: Index<string, ObjectKey, PeerAuthentication>;
  readonly settings: MeshInputs['settings'];
}

export interface PeerLookups {
  readonly namespacePeers: Lookup<string, PeerPolicy>;
  readonly peersBySelector: AnchorLookup<SelectorAnchor, ObjectKey, PeerAuthentication>;
  readonly selectingPeers: AnchorLookup<string, ObjectKey, PeerAuthentication>;
  readonly settings: SettingsLookup;
}

export const defaultPeerPolicy: PeerPolicy = { mode: 'PERMISSIVE', portModes: {}, causes: [] };

export type PeersByNamespace = Index<string, ObjectKey, PeerAuthentication>;

/** The policies without a selector by namespace; of several the first by name holds, as nothing says which is older. */
export const indexNamespacePeers = (graph: Graph, inputs: MeshInputs): PeersByNamespace =>
  graph.index(inputs.peerAuthentications, 'byNamespace', ({ metadata, spec }) =>
    isSelecting(spec.selector) ? [] : [metadata.namespace],
  );

export function derivePeerSources(
  graph: Graph,
  inputs: MeshInputs,
  byNamespace: PeersByNamespace,
): PeerSources {
  const { settings, peerAuthentications } = inputs;
  const namespaceModes = graph.derive({
    name: 'mesh.namespaceModes',
    from: graph.group(byNamespace),
    reads: { byNamespace },
    equals: deepEqual,
    fn: (_keys, namespace, read) =>
      firstMode(read.byNamespace.at(namespace)).map((mode) => [namespace, mode]),
  });
  const namespacePeers = graph.derive({
    name: 'mesh.namespacePeers',
    from: namespaceModes,
    reads: { namespaceModes, settings },
    equals: deepEqual,
    fn: (own, namespace, read) => {
      const mesh = read.namespaceModes.get(settingsOf(read.settings).rootNamespace);
      return [[namespace, inherit(own, mesh)]];
    },
  });
  const peersBySelector = graph.index(peerAuthentications, 'bySelector', ({ metadata, spec }) =>
    isSelecting(spec.selector) ? [anchorOfSelector(metadata.namespace, spec.selector)] : [],
  );
  const selectingPeers = graph.index(peerAuthentications, 'selecting', ({ metadata, spec }) =>
    isSelecting(spec.selector) ? [metadata.namespace] : [],
  );
  return { namespacePeers, peersBySelector, selectingPeers, settings };
}

export function derivePeerPolicies(
  graph: Graph,
  workloads: Collection<ObjectKey, Workload>,
  sources: PeerSources,
): Collection<ObjectKey, PeerPolicy> {
  return graph.derive({
    name: 'mesh.peerPolicies',
    from: workloads,
    reads: { ...sources },
    equals: deepEqual,
    fn: ({ namespace, labels }, key, read) => [[key, peerPolicyOf(namespace, labels, read)]],
  });
}

/** The policy of whatever runs in a namespace with these labels. */
export function peerPolicyOf(namespace: string, labels: Labels, read: PeerLookups): PeerPolicy {
  const { rootNamespace } = settingsOf(read.settings);
  const base =
    read.namespacePeers.get(namespace) ?? read.namespacePeers.get(rootNamespace) ?? defaultPeerPolicy;
  if (read.selectingPeers.count(namespace) === 0) return base;
  const [first] = anchorsOfLabels(namespace, labels)
    .flatMap((anchor) => read.peersBySelector.at(anchor))
    .filter(([, { spec }]) => isSelected(spec.selector ?? {}, labels))
    .sort(([left], [right]) => compareText(left, right));
  return first === undefined ? base : refine(base, first[0], first[1]);
}

/** The mode that holds for one port. */
export const modeOfPort = (policy: PeerPolicy, port: number): MutualTls =>
  policy.portModes[port] ?? policy.mode;

/** A selector without labels selects everything in its namespace, as if it were absent. */
const isSelecting = (selector: Labels | undefined): selector is Labels =>
  selector !== undefined && Object.keys(selector).length > 0;

function firstMode(members: readonly (readonly [ObjectKey, PeerAuthentication])[]): readonly NamespaceMode[] {
  const [first] = members;
  if (first === undefined) return [];
  const [object, { spec }] = first;
  return [{ mode: spec.mode, cause: { object, field: 'spec.mtls.mode' } }];
}

function inherit(own: NamespaceMode, mesh: NamespaceMode | undefined): PeerPolicy {
  if (own.mode !== 'UNSET') return { mode: own.mode, portModes: {}, causes: [own.cause] };
  if (mesh === undefined || mesh.mode === 'UNSET') return { ...defaultPeerPolicy, causes: [own.cause] };
  return { mode: mesh.mode, portModes: {}, causes: [mesh.cause] };
}

/** A workload's own policy over what it inherits. */
function refine(base: PeerPolicy, object: ObjectKey, { spec }: PeerAuthentication): PeerPolicy {
  const mode = spec.mode === 'UNSET' ? base.mode : spec.mode;
  const portModes = Object.entries(spec.portModes).map(([port, portMode]): [number, MutualTls] => [
    Number(port),
    portMode === 'UNSET' ? mode : portMode,
  ]);
  return { mode, portModes: Object.fromEntries(portModes), causes: [{ object }, ...base.causes] };
}
