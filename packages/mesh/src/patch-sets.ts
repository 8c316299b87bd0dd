// Which patches are applied to which proxies. Proxies with the same patches in the same order are one set, whatever the patches say.
import type { ConfigPatch, ObjectOf } from '@xebec/config';
import { compilePattern } from '@xebec/config';
import type { Collection, Graph } from '@xebec/flow';
import type { ObjectKey, PatchSet, ProxyNode } from '@xebec/model';
import { hashText } from '@xebec/std';
import { compareText } from './host-names.ts';
import type { MeshInputs } from './inputs.ts';
import { anchorOfSelector, anchorsOfLabels, isSelected } from './label-selectors.ts';
import { type MeshSettings, settingsOf } from './settings.ts';

type Filter = ObjectOf<'EnvoyFilter'>;

/** By proxy id; a proxy to which nothing applies has none. */
export function derivePatchSets(
  graph: Graph,
  { envoyFilters, proxies, settings }: Pick<MeshInputs, 'envoyFilters' | 'proxies' | 'settings'>,
): Collection<string, PatchSet> {
  const filtersBySelector = graph.index(envoyFilters, 'bySelector', ({ metadata, spec }) =>
    spec.targetGateways.length > 0
      ? spec.targetGateways.map((name) => anchorOfSelector(metadata.namespace, { [gatewayLabel]: name }))
      : [anchorOfSelector(metadata.namespace, spec.workloadSelector ?? {})],
  );
  return graph.derive({
    name: 'mesh.patchSets',
    from: proxies,
    reads: { filtersBySelector, settings },
    fn: (proxy, id: string, read) => {
      if (proxy.role === 'grpc') return [];
      const { rootNamespace } = settingsOf(read.settings);
      const selected = [...new Set([rootNamespace, proxy.namespace])]
        .flatMap((namespace) => anchorsOfLabels(namespace, proxy.labels))
        .flatMap((anchor) => read.filtersBySelector.at(anchor))
        .filter(([, filter]) => isFor(filter, proxy));
      const set = setOf(inOrder(selected, rootNamespace), proxy);
      return set === undefined ? [] : [[id, set] as const];
    },
    equals: (left, right) => left.id === right.id,
  });
}

const gatewayLabel = 'gateway.networking.k8s.io/gateway-name';

function isFor({ metadata, spec }: Filter, { labels, namespace }: ProxyNode): boolean {
  if (spec.targetGateways.length === 0) return isSelected(spec.workloadSelector ?? {}, labels);
  return metadata.namespace === namespace && spec.targetGateways.includes(labels[gatewayLabel] ?? '');
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

function setOf(selected: Selected, proxy: ProxyNode): PatchSet | undefined {
  const role = proxy.role === 'router' ? 'router' : 'sidecar';
  const patches = selected.flatMap(([object, { spec }]) =>
    spec.patches.flatMap((patch, position) => (applies(patch, proxy) ? [{ object, position }] : [])),
  );
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
