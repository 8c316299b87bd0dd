// Rules that are bound to hosts (VirtualServices, DestinationRules): found by host or by the wildcards that cover it.
import type { Collection, Graph, Index } from '@xebec/flow';
import type { Host, Layer, ObjectKey } from '@xebec/model';
import { isWildcard, wildcardsOf } from './host-names.ts';
import type { AnchorLookup, Lookup } from './lookups.ts';

/** What is bound to hosts and exported to layers. */
export interface HostRule {
  readonly object: ObjectKey;
  readonly namespace: string;
  readonly layers: readonly Layer[];
}

/** A rule that may be for hosts of another namespace. */
export interface ExportedRule extends HostRule {
  /** It, or the mesh, says whom it is exported to. */
  readonly isExported: boolean;
}

/** Rules by host, and whether there are any for wildcards: mostly there are none, then no wildcard is looked up. */
export interface HostRuleSources<R> {
  readonly byHost: Index<Host, ObjectKey, R>;
  readonly wildcards: Collection<'any', true>;
}

export interface HostRuleLookups<R> {
  readonly byHost: AnchorLookup<Host, ObjectKey, R>;
  readonly wildcards: Lookup<'any', true>;
}

export function indexHostRules<R>(
  graph: Graph,
  rules: Collection<ObjectKey, R>,
  hostsOf: (rule: R) => readonly Host[],
): HostRuleSources<R> {
  const byHost = graph.index(rules, 'byHost', (rule) => new Set(hostsOf(rule)));
  const byWildness = graph.index(rules, 'byWildness', (rule): readonly 'any'[] =>
    hostsOf(rule).some(isWildcard) ? ['any'] : [],
  );
  const wildcards = graph.derive({
    name: `${rules.name}.wildcards`,
    from: graph.group(byWildness),
    fn: (): readonly (readonly ['any', true])[] => [['any', true]],
  });
  return { byHost, wildcards };
}

/** The rules for a host: those that name it, then those of each wildcard that covers it, most specific first. */
export function rulesByLevel<R>(host: Host, read: HostRuleLookups<R>): readonly (readonly R[])[] {
  const anchors = read.wildcards.get('any') === undefined ? [host] : [host, ...wildcardsOf(host)];
  const levels = anchors.map((anchor) => read.byHost.at(anchor).map(([, rule]) => rule));
  return levels.filter((level) => level.length > 0);
}
