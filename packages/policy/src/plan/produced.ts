// Attributes that adapters produce while a call is judged. Rule: of what a call may lack and an adapter may add, a proxy knows nothing; what every call has, no adapter replaces.
import type { Destination, OutsideService } from './destination.ts';
import type { Knowledge } from './express.ts';
import type { ResolvedRule } from './plan-rule.ts';
import { proxyAttribute } from './proxy-attributes.ts';

/** Names that instances of attribute generators bind. */
export const producedBy = (rules: readonly ResolvedRule[]): ReadonlySet<string> =>
  new Set(
    rules.flatMap(({ actions }) =>
      actions.flatMap(({ instances }) =>
        instances.flatMap((each) =>
          each.phase === 'ATTRIBUTE_GENERATOR' ? Object.keys(each.spec.attributeBindings) : [],
        ),
      ),
    ),
  );

/** What is known of calls of a destination before adapters have added to them. */
export function withoutProduced(
  knowledge: Knowledge,
  called: Destination | OutsideService,
  produced: ReadonlySet<string>,
): Knowledge {
  if (produced.size === 0) return knowledge;
  const hasLabels = !('decidedAt' in called) && called.isGateway !== true;
  return {
    know(attribute, key) {
      const known = knowledge.know(attribute, key);
      if (!produced.has(attribute) || (known.kind !== 'absent' && known.kind !== 'unknown')) return known;
      if (attribute === 'destination.labels' && hasLabels) return known;
      const of = proxyAttribute(attribute, key);
      const isThere = of?.isAlwaysThere === true || of?.isMapKey === true;
      return known.kind === 'unknown' && isThere ? known : { kind: 'untold' };
    },
  };
}
