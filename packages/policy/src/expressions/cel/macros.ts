// Istio's two macros of CEL. Rule: `conditional(c, a, b)` is `c ? a : b`; `pick(a, b, …)` is the first that is present, as `|` is in the old language.
import type { CelExpr } from './cel-library.ts';

type Kind = CelExpr['exprKind'];

/** Rewrites the tree in place, innermost first. */
export function expandMacros(expr: CelExpr): void {
  for (const child of childrenOf(expr)) expandMacros(child);
  const { exprKind } = expr;
  if (exprKind.case !== 'callExpr' || exprKind.value.target !== undefined) return;
  const { function: name, args } = exprKind.value;
  if (name === 'conditional' && args.length === 3) exprKind.value.function = '_?_:_';
  const last = args.at(-1);
  if (name === 'pick' && last !== undefined) {
    expr.exprKind = args.slice(0, -1).reduceRight((rest, one) => orElse(expr, one, rest), last).exprKind;
  }
}

export function childrenOf({ exprKind }: CelExpr): readonly CelExpr[] {
  switch (exprKind.case) {
    case 'selectExpr':
      return exprKind.value.operand === undefined ? [] : [exprKind.value.operand];
    case 'callExpr': {
      const { target, args } = exprKind.value;
      return target === undefined ? args : [target, ...args];
    }
    case 'listExpr':
      return exprKind.value.elements;
    case 'structExpr':
      return exprKind.value.entries.flatMap(({ keyKind, value }) => [
        ...(keyKind.case === 'mapKey' ? [keyKind.value] : []),
        ...(value === undefined ? [] : [value]),
      ]);
    case 'comprehensionExpr': {
      const { iterRange, accuInit, loopCondition, loopStep, result } = exprKind.value;
      return [iterRange, accuInit, loopCondition, loopStep, result].flatMap((one) =>
        one === undefined ? [] : [one],
      );
    }
    default:
      return [];
  }
}

/** `has(a) ? a : rest`, or `k in m ? m[k] : rest`; what cannot be absent ends the search. */
function orElse(at: CelExpr, expr: CelExpr, rest: CelExpr): CelExpr {
  const presence = presenceOf(expr);
  if (presence === undefined) return expr;
  return copy(at, callKind('_?_:_', [structuredClone(copy(expr, presence)), expr, rest]));
}

function presenceOf({ exprKind }: CelExpr): Kind | undefined {
  if (exprKind.case === 'selectExpr') {
    return { case: 'selectExpr', value: { ...exprKind.value, testOnly: true } };
  }
  if (exprKind.case !== 'callExpr' || exprKind.value.function !== '_[_]') return undefined;
  const [map, key] = exprKind.value.args;
  return map === undefined || key === undefined ? undefined : callKind('@in', [key, map]);
}

const copy = (expr: CelExpr, exprKind: Kind): CelExpr => ({ ...expr, exprKind });

export const callKind = (name: string, args: CelExpr[]): Kind => ({
  case: 'callExpr',
  value: { $typeName: 'cel.expr.Expr.Call', function: name, args },
});
