// Which Sidecar holds for a workload: the one that selects it, else its namespace's, else the mesh's.
import type { ObjectOf, SidecarEgressListener } from '@xebec/config';
import type { Collection, Graph, Index } from '@xebec/flow';
import type { DialedListener, ImportedHosts, ObjectKey, Scope } from '@xebec/model';
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
import type { AnchorLookup } from './lookups.ts';
import { type SettingsLookup, settingsOf } from './settings.ts';

export type Sidecar = ObjectOf<'Sidecar'>;

export type SidecarsBySelector = Index<SelectorAnchor, ObjectKey, Sidecar>;

export interface SidecarReads {
  readonly sidecarsBySelector: AnchorLookup<SelectorAnchor, ObjectKey, Sidecar>;
  readonly settings: SettingsLookup;
}

export const indexSidecars = (graph: Graph, { sidecars }: MeshInputs): SidecarsBySelector =>
  graph.index(sidecars, 'bySelector', ({ metadata, spec }) => [
    anchorOfSelector(metadata.namespace, spec.selector ?? {}),
  ]);

export type Selected = readonly [ObjectKey, Sidecar];

/** Of several that would hold alike, the first by name: nothing says which is older. */
export function sidecarOf(namespace: string, labels: Labels, read: SidecarReads): Selected | undefined {
  const { rootNamespace } = settingsOf(read.settings);
  const selecting = anchorsOfLabels(namespace, labels)
    .slice(1)
    .flatMap((anchor) => read.sidecarsBySelector.at(anchor))
    .filter(([, { spec }]) => isSelected(spec.selector ?? {}, labels));
  return (
    first(selecting) ??
    first(read.sidecarsBySelector.at(`${namespace}|`)) ??
    first(read.sidecarsBySelector.at(`${rootNamespace}|`))
  );
}

const first = (found: readonly Selected[]): Selected | undefined =>
  [...found].sort(([left], [right]) => compareText(left, right))[0];

/** By proxy id; a proxy that sees everything has none. */
export function deriveScopes(
  graph: Graph,
  { proxies, settings }: Pick<MeshInputs, 'proxies' | 'settings'>,
  sidecarsBySelector: SidecarsBySelector,
): Collection<string, Scope> {
  return graph.derive({
    name: 'mesh.scopes',
    from: proxies,
    reads: { sidecarsBySelector, settings },
    equals: deepEqual,
    fn: (proxy, id, read): readonly (readonly [string, Scope])[] => {
      if (proxy.role !== 'sidecar') return [];
      const found = sidecarOf(proxy.namespace, proxy.labels, read);
      if (found === undefined) return [];
      const scope = scopeOf(found, proxy.namespace);
      return scope === undefined ? [] : [[id, scope]];
    },
  });
}

function scopeOf([object, { spec }]: Selected, namespace: string): Scope | undefined {
  const { egress, outboundMode } = spec;
  if (egress === undefined && outboundMode === undefined) return undefined;
  return {
    id: `${object}@${namespace}`,
    object,
    ...(egress === undefined ? {} : { hosts: egress.map((each) => importedBy(each, namespace)) }),
    dialed: (egress ?? []).flatMap(dialedAt),
    ...(outboundMode === undefined ? {} : { outboundMode }),
  };
}

const importedBy = ({ port, imports }: SidecarEgressListener, own: string): ImportedHosts => ({
  ...(port === undefined ? {} : { port: port.number }),
  imports: imports.map(({ namespace, host }) => ({ namespace: namespace === '.' ? own : namespace, host })),
});

const httpProtocols = ['http', 'http2', 'grpc', 'grpc-web'];

const dialedAt = ({ bind, port }: SidecarEgressListener): readonly DialedListener[] =>
  bind === undefined || port === undefined
    ? []
    : [{ bind, port: port.number, isHttp: httpProtocols.includes(port.protocol) }];
