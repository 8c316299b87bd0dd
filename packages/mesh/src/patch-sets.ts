// Which patches are applied to which proxies. Proxies with the same patches in the same order are one set, whatever the patches say.
import type { ConfigPatch, ObjectOf } from '@xebec/config';
import { compilePattern } from '@xebec/config';
import type { Collection, Graph } from '@xebec/flow';
import {
  extensionSides,
  type ObjectKey,
  type PatchReference,
  type PatchSet,
  type ProxyNode,
} from '@xebec/model';
import { hashText } from '@xebec/std';
import {
  deriveExtensions,
  derivePlaces,
  derivePullSecrets,
  type ExtensionPlace,
  extensionsByPhase,
  sidesOf,
} from './extensions.ts';
import { compareText } from './host-names.ts';
import type { MeshInputs } from './inputs.ts';
import {
  anchorOfSelector,
  anchorsOfLabels,
  isSelected,
  type Labels,
  type SelectorAnchor,
} from './label-selectors.ts';
import { type MeshSettings, settingsOf } from './settings.ts';

type Filter = ObjectOf<'EnvoyFilter'>;

/** All that is done to proxies beside what the mesh makes of them. */
export function derivePatches(graph: Graph, inputs: MeshInputs) {
  const extensions = deriveExtensions(graph, inputs);
  return {
    envoyFilters: inputs.envoyFilters,
    extensions,
    pullSecrets: derivePullSecrets(graph, inputs),
    patchSets: derivePatchSets(graph, inputs, derivePlaces(graph, extensions)),
  };
}

/** By proxy id; a proxy to which nothing applies has none. */
function derivePatchSets(
  graph: Graph,
  { envoyFilters, proxies, settings }: Pick<MeshInputs, 'envoyFilters' | 'proxies' | 'settings'>,
  places: Collection<ObjectKey, ExtensionPlace>,
): Collection<string, PatchSet> {
  const filtersBySelector = graph.index(envoyFilters, 'bySelector', ({ metadata, spec }) =>
    anchorsOf(metadata.namespace, spec.targetGateways, spec.workloadSelector),
  );
  const extensionsBySelector = graph.index(places, 'bySelector', ({ namespace, targetGateways, selector }) =>
    anchorsOf(namespace, targetGateways, selector),
  );
  return graph.derive({
    name: 'mesh.patchSets',
    from: proxies,
    reads: { filtersBySelector, extensionsBySelector, settings },
    fn: (proxy, id: string, read) => {
      if (proxy.role === 'grpc') return [];
      const { rootNamespace } = settingsOf(read.settings);
      const anchors = [...new Set([rootNamespace, proxy.namespace])].flatMap((namespace) =>
        anchorsOfLabels(namespace, proxy.labels),
      );
      const filters = anchors
        .flatMap((anchor) => read.filtersBySelector.at(anchor))
        .filter(([, { metadata, spec }]) =>
          isFor(metadata, { ...spec, selector: spec.workloadSelector }, proxy),
        );
      const extended = anchors
        .flatMap((anchor) => read.extensionsBySelector.at(anchor))
        .filter(([, place]) => isFor(place, place, proxy));
      const set = setOf(
        [
          ...insertions(extensionsByPhase(extended), proxy),
          ...patches(inOrder(filters, rootNamespace), proxy),
        ],
        proxy,
      );
      return set === undefined ? [] : [[id, set] as const];
    },
    equals: (left, right) => left.id === right.id,
  });
}

const gatewayLabel = 'gateway.networking.k8s.io/gateway-name';

interface Selection {
  readonly selector?: Labels | undefined;
  readonly targetGateways: readonly string[];
}

function anchorsOf(namespace: string, targets: readonly string[], selector: Labels = {}): SelectorAnchor[] {
  if (targets.length === 0) return [anchorOfSelector(namespace, selector)];
  return targets.map((name) => anchorOfSelector(namespace, { [gatewayLabel]: name }));
}

function isFor(
  metadata: Pick<Filter['metadata'], 'namespace'>,
  { selector, targetGateways }: Selection,
  { labels, namespace }: ProxyNode,
): boolean {
  if (targetGateways.length === 0) return isSelected(selector ?? {}, labels);
  return metadata.namespace === namespace && targetGateways.includes(labels[gatewayLabel] ?? '');
}

type Selected = readonly (readonly [ObjectKey, Filter])[];

/** Low priorities first; of one priority those of the whole mesh, then by name. */
function inOrder(selected: Selected, rootNamespace: MeshSettings['rootNamespace']): Selected {
  const isOwn = ({ metadata }: Filter): number => (metadata.namespace === rootNamespace ? 0 : 1);
  return [...selected].sort(
    ([leftKey, left], [rightKey, right]) =>
      left.spec.priority - right.spec.priority ||
      isOwn(left) - isOwn(right) ||
      compareText(leftKey, rightKey),
  );
}

/** The patches of EnvoyFilters for a proxy that need not be there yet, in order. */
export function filterPatchesFor(
  proxy: ProxyNode,
  filters: Iterable<readonly [ObjectKey, Filter]>,
  rootNamespace: string,
): readonly PatchReference[] {
  const selected = [...filters].filter(
    ([, { metadata, spec }]) =>
      [rootNamespace, proxy.namespace].includes(metadata.namespace) &&
      isFor(metadata, { ...spec, selector: spec.workloadSelector }, proxy),
  );
  return patches(inOrder(selected, rootNamespace), proxy);
}

const patches = (selected: Selected, proxy: ProxyNode): readonly PatchReference[] =>
  selected.flatMap(([object, { spec }]) =>
    spec.patches.flatMap((patch, position) => (applies(patch, proxy) ? [{ object, position }] : [])),
  );

/** Filters are there before patches are made to the chains they are in. */
const insertions = (
  extended: readonly (readonly [ObjectKey, ExtensionPlace])[],
  proxy: ProxyNode,
): readonly PatchReference[] =>
  extended.flatMap(([object, place]) =>
    sidesOf(place, proxy.role).map((side) => ({ object, position: extensionSides.indexOf(side) })),
  );

function setOf(patches: readonly PatchReference[], proxy: ProxyNode): PatchSet | undefined {
  const role = proxy.role === 'router' ? 'router' : 'sidecar';
  if (patches.length === 0) return undefined;
  const text = patches.map(({ object, position }) => `${object}#${position}`).join();
  return { id: hashText(`${role} ${text}`), role, patches };
}

/** Whether a patch may concern the proxy: where exactly is seen when it is applied. */
function applies({ match }: ConfigPatch, proxy: ProxyNode): boolean {
  const { context, proxy: wanted } = match;
  if (context !== 'ANY' && (context === 'GATEWAY') !== (proxy.role === 'router')) return false;
  if (wanted === undefined) return true;
  const metadata = proxy.metadata ?? {};
  const isVersion = wanted.version === undefined || compilePattern(wanted.version)?.(proxy.version ?? '');
  return isVersion === true && isSelected(wanted.metadata, metadata);
}
