// Rules by when they are asked and for which namespace: those of the root namespace first, then the namespace's own.
import type { CompiledAction, CompiledPolicy, CompiledRule } from '../configuration/compiled.ts';
import type { Phase } from '../templates/variety.ts';
import type { CallSource } from './call-source.ts';

/** One rule in one phase: the actions of that phase. */
export interface PhaseRule {
  readonly rule: CompiledRule;
  readonly actions: readonly CompiledAction[];
}

export interface RuleIndex {
  /** In the order in which they are asked. Reads of the call which namespace it is about, when that matters. */
  rulesFor(phase: Phase, source: CallSource): readonly PhaseRule[];
  /** Those that a call about that namespace would meet. */
  rulesOf(phase: Phase, namespace: string): readonly PhaseRule[];
}

export function indexRules({ rules }: CompiledPolicy, rootNamespace: string): RuleIndex {
  const tables = new Map<Phase, PhaseTable>();
  for (const phase of ['CHECK', 'REPORT', 'QUOTA', 'ATTRIBUTE_GENERATOR'] as const) {
    tables.set(phase, tableOf(phase, rules, rootNamespace));
  }
  return {
    rulesFor(phase, source) {
      const table = tables.get(phase);
      if (table === undefined) return [];
      if (table.byNamespace.size === 0) return table.shared;
      return table.byNamespace.get(namespaceOf(source)) ?? table.shared;
    },
    rulesOf(phase, namespace) {
      const table = tables.get(phase);
      return table?.byNamespace.get(namespace) ?? table?.shared ?? [];
    },
  };
}

interface PhaseTable {
  /** For namespaces with no rules of their own. */
  readonly shared: readonly PhaseRule[];
  /** With the shared ones in front. */
  readonly byNamespace: ReadonlyMap<string, readonly PhaseRule[]>;
}

function tableOf(phase: Phase, rules: readonly CompiledRule[], rootNamespace: string): PhaseTable {
  const shared: PhaseRule[] = [];
  const own = new Map<string, PhaseRule[]>();
  for (const rule of rules) {
    const actions = rule.actions.filter((action) => action.phase === phase);
    if (actions.length === 0 && !(phase === 'CHECK' && changesHeaders(rule))) continue;
    if (rule.namespace === rootNamespace) shared.push({ rule, actions });
    else {
      const known = own.get(rule.namespace);
      if (known === undefined) own.set(rule.namespace, [{ rule, actions }]);
      else known.push({ rule, actions });
    }
  }
  const byNamespace = new Map([...own].map(([namespace, list]) => [namespace, [...shared, ...list]]));
  return { shared, byNamespace };
}

const changesHeaders = (rule: CompiledRule): boolean =>
  rule.requestHeaders.length + rule.responseHeaders.length > 0;

/**
 * Of the side that asks: the destination's, or the source's where the call goes out or where a program asks for itself.
 * A call that goes out to a service without workloads in the mesh is about the namespace of that service: nobody else
 * is asked about it.
 */
function namespaceOf(source: CallSource): string {
  const isOutbound = source.get('context.reporter.kind') === 'outbound' && !isLast(source);
  const destination = isOutbound ? undefined : source.get('destination.namespace');
  const namespace = destination ?? source.get('source.namespace');
  return typeof namespace === 'string' ? namespace : '';
}

const isLast = (source: CallSource): boolean =>
  source.get('destination.uid') === undefined && source.get('destination.service.namespace') !== undefined;
