// Types of a CEL expression, and which attributes it is about. Rule: every name is an attribute of the vocabulary or bound by a macro; the tree is rewritten so that the library sees each attribute as a variable of its own.
import type { ValueType } from '../../attributes/value.ts';
import type { Vocabulary } from '../../attributes/vocabulary.ts';
import { Failure } from '../failure.ts';
import type { SyntaxProblem } from '../istio/token.ts';
import { compilePattern } from '../regular-expression.ts';
import { type CelExpr, type Overload, overloads } from './cel-library.ts';
import { type CelStatic, fits, join, showType, staticOf } from './cel-type.ts';
import { callKind } from './macros.ts';

/** An attribute as an expression uses it. */
export interface AttributeUse {
  readonly name: string;
  readonly type: ValueType;
  /** Only whether it is there: `has(a.b)`. */
  readonly isTest: boolean;
  /** What the library calls it. */
  readonly variable: string;
}

export interface CheckedCel {
  readonly uses: readonly AttributeUse[];
  readonly types: ReadonlyMap<CelExpr, CelStatic>;
}

type Checked = CelStatic | SyntaxProblem;
type Scope = ReadonlyMap<string, CelStatic>;

const isProblem = (checked: Checked): checked is SyntaxProblem =>
  typeof checked === 'object' && 'message' in checked;

const typeNames: ReadonlySet<string> = new Set(
  'int uint double bool string bytes list map null_type type'.split(' '),
);

const sameFunctions: ReadonlySet<string> = new Set(['dnsName', 'email', 'uri']);

/** One expression, checked once. */
export class CelChecker implements CheckedCel {
  readonly uses: AttributeUse[] = [];
  readonly types = new Map<CelExpr, CelStatic>();
  readonly #vocabulary: Vocabulary;
  readonly #offsetOf: (expr: CelExpr) => number;

  constructor(vocabulary: Vocabulary, offsetOf: (expr: CelExpr) => number) {
    this.#vocabulary = vocabulary;
    this.#offsetOf = offsetOf;
  }

  check(expr: CelExpr | undefined, scope: Scope = new Map()): Checked {
    if (expr === undefined) return { offset: 0, message: 'unexpected expression: nothing' };
    const type = this.#typeOf(expr, scope);
    if (!isProblem(type)) this.types.set(expr, type);
    return type;
  }

  #problem(expr: CelExpr, message: string): SyntaxProblem {
    return { offset: this.#offsetOf(expr), message };
  }

  #typeOf(expr: CelExpr, scope: Scope): Checked {
    const { exprKind } = expr;
    switch (exprKind.case) {
      case 'constExpr':
        return constantTypes[exprKind.value.constantKind.case ?? ''] ?? 'dyn';
      case 'identExpr':
      case 'selectExpr':
        return this.#path(expr, scope);
      case 'callExpr':
        return this.#call(expr, scope);
      case 'listExpr':
        return this.#list(exprKind.value.elements, scope);
      case 'structExpr':
        return this.#map(expr, scope);
      case 'comprehensionExpr':
        return this.#comprehension(exprKind.value, scope);
      default:
        return this.#problem(expr, 'unexpected expression: nothing');
    }
  }

  /** A name, or a chain of them: the longest beginning that is an attribute is one. */
  #path(expr: CelExpr, scope: Scope): Checked {
    const chain = chainOf(expr);
    const [root] = chain;
    if (root === undefined || (root.word !== '' && scope.has(root.word))) return this.#member(expr, scope);
    const words = chain.map(({ word }) => word);
    for (let length = words.length; length > 0; length -= 1) {
      const name = words.slice(0, length).join('.').replace(/^\./, '');
      const declaration = this.#vocabulary.get(name);
      const at = chain[length - 1]?.expr;
      if (declaration === undefined || at === undefined) continue;
      this.#useAttribute(at, name, declaration.type);
      return at === expr ? this.#known(expr) : this.#member(expr, scope);
    }
    const [word = ''] = words;
    if (words.length === 1 && typeNames.has(word)) return 'type';
    return this.#problem(chain[0]?.expr ?? expr, `unknown attribute ${words.join('.').replace(/^\./, '')}`);
  }

  #known(expr: CelExpr): Checked {
    return this.types.get(expr) ?? this.#problem(expr, 'unexpected expression');
  }

  #useAttribute(expr: CelExpr, name: string, type: ValueType): void {
    const isTest = expr.exprKind.case === 'selectExpr' && expr.exprKind.value.testOnly;
    const known = this.uses.find((use) => use.name === name && use.isTest === isTest);
    const use = known ?? { name, type, isTest, variable: `@attribute${this.uses.length}` };
    if (known === undefined) this.uses.push(use);
    expr.exprKind = { case: 'identExpr', value: { $typeName: 'cel.expr.Expr.Ident', name: use.variable } };
    this.types.set(expr, isTest ? 'bool' : staticOf(type));
  }

  /** A member of a value; only maps have members. A name that is left here is one that a macro bound. */
  #member(expr: CelExpr, scope: Scope): Checked {
    const { exprKind } = expr;
    const done = this.types.get(expr);
    if (done !== undefined) return done;
    if (exprKind.case === 'identExpr') {
      return (
        scope.get(exprKind.value.name) ?? this.#problem(expr, `unknown attribute ${exprKind.value.name}`)
      );
    }
    if (exprKind.case !== 'selectExpr') return this.check(expr, scope);
    const { operand, field, testOnly } = exprKind.value;
    const type = operand === undefined ? this.check(operand, scope) : this.#operand(operand, scope);
    if (isProblem(type)) return type;
    if (type !== 'dyn' && (typeof type === 'string' || type.kind !== 'map')) {
      return this.#problem(expr, `a value of type ${showType(type)} has no member ${field}`);
    }
    if (testOnly) return 'bool';
    if (type === 'dyn' || operand === undefined) return 'dyn';
    if (type.value === 'string') expr.exprKind = callKind('@key', [operand, constantText(expr, field)]);
    return type.value;
  }

  #operand(operand: CelExpr, scope: Scope): Checked {
    const type = this.#member(operand, scope);
    if (!isProblem(type)) this.types.set(operand, type);
    return type;
  }

  #list(elements: readonly CelExpr[], scope: Scope): Checked {
    let element: CelStatic | undefined;
    for (const one of elements) {
      const type = this.check(one, scope);
      if (isProblem(type)) return type;
      element = element === undefined ? type : join(element, type);
    }
    return { kind: 'list', element: element ?? 'dyn' };
  }

  #map(expr: CelExpr, scope: Scope): Checked {
    if (expr.exprKind.case !== 'structExpr') return 'dyn';
    const { messageName, entries } = expr.exprKind.value;
    if (messageName !== '') return this.#problem(expr, `unexpected expression: message ${messageName}`);
    let key: CelStatic | undefined;
    let value: CelStatic | undefined;
    for (const entry of entries) {
      const keyType = entry.keyKind.case === 'mapKey' ? this.check(entry.keyKind.value, scope) : 'string';
      if (isProblem(keyType)) return keyType;
      const valueType = this.check(entry.value, scope);
      if (isProblem(valueType)) return valueType;
      key = key === undefined ? keyType : join(key, keyType);
      value = value === undefined ? valueType : join(value, valueType);
    }
    return { kind: 'map', key: key ?? 'dyn', value: value ?? 'dyn' };
  }

  /** What `all`, `exists`, `map` and `filter` were expanded to. */
  #comprehension(
    value: (CelExpr['exprKind'] & { readonly case: 'comprehensionExpr' })['value'],
    scope: Scope,
  ): Checked {
    const range = this.check(value.iterRange, scope);
    if (isProblem(range)) return range;
    const element = elementOf(range);
    if (element === undefined) {
      const message = `a value of type ${showType(range)} cannot be gone through: a list or a map can`;
      return value.iterRange === undefined ? { offset: 0, message } : this.#problem(value.iterRange, message);
    }
    const initial = this.check(value.accuInit, scope);
    if (isProblem(initial)) return initial;
    const inner = new Map(scope).set(value.iterVar, element).set(value.accuVar, initial);
    const condition = this.check(value.loopCondition, inner);
    if (isProblem(condition)) return condition;
    const step = this.check(value.loopStep, inner);
    if (isProblem(step)) return step;
    return this.check(value.result, new Map(scope).set(value.accuVar, join(initial, step)));
  }

  #call(expr: CelExpr, scope: Scope): Checked {
    if (expr.exprKind.case !== 'callExpr') return 'dyn';
    const { target, function: name, args } = expr.exprKind.value;
    const targetType = target === undefined ? undefined : this.check(target, scope);
    if (targetType !== undefined && isProblem(targetType)) return targetType;
    const types: CelStatic[] = [];
    for (const one of args) {
      const type = this.check(one, scope);
      if (isProblem(type)) return type;
      types.push(type);
    }
    const special = target === undefined ? this.#operator(expr, name, types) : undefined;
    if (special !== undefined) return special;
    const known = overloads.get(name);
    if (known === undefined) return this.#problem(expr, `unknown function: ${name}`);
    const result = resultOf(known, targetType, types);
    if (result === undefined) return this.#mismatch(expr, name, [targetType, types]);
    return this.#patternProblem(expr, name, args) ?? result;
  }

  #mismatch(
    expr: CelExpr,
    name: string,
    [target, types]: readonly [CelStatic | undefined, readonly CelStatic[]],
  ): SyntaxProblem {
    const what = `${target === undefined ? '' : `${showType(target)}.`}(${types.map(showType).join(', ')})`;
    return this.#problem(expr, `found no matching overload for '${name}' applied to '${what}'`);
  }

  /** A pattern that can be read now is not left to be found wrong later. */
  #patternProblem(expr: CelExpr, name: string, args: readonly CelExpr[]): SyntaxProblem | undefined {
    const pattern = name === 'matches' ? args.at(-1)?.exprKind : undefined;
    if (pattern?.case !== 'constExpr' || pattern.value.constantKind.case !== 'stringValue') return undefined;
    const compiled = compilePattern(pattern.value.constantKind.value);
    return compiled instanceof Failure ? this.#problem(args.at(-1) ?? expr, compiled.problem) : undefined;
  }

  /** Operators whose types no list of overloads says. */
  #operator(expr: CelExpr, name: string, types: readonly CelStatic[]): Checked | undefined {
    const [first = 'dyn', second = 'dyn', third = 'dyn'] = types;
    const mismatch = (): SyntaxProblem => this.#mismatch(expr, name, [undefined, types]);
    switch (name) {
      case '_&&_':
      case '_||_':
        return fits(first, 'bool') && fits(second, 'bool') ? 'bool' : mismatch();
      case '@not_strictly_false':
      case '__not_strictly_false__':
        return 'bool';
      case '_==_':
      case '_!=_':
        return areComparable(first, second) ? this.#equality(expr, first, second) : mismatch();
      case '_?_:_':
        return fits(first, 'bool') && (fits(second, third) || fits(third, second))
          ? join(second, third)
          : mismatch();
      case '_[_]':
        return this.#index(expr, first, second) ?? mismatch();
      case '@in':
        return isMember(first, second) ? 'bool' : mismatch();
      case '_+_':
        return typeof first === 'object' && first.kind === 'list' && typeof second === 'object'
          ? second.kind === 'list'
            ? join(first, second)
            : mismatch()
          : undefined;
      default:
        return undefined;
    }
  }

  /** Domain names and their like are equal when they mean the same, not when they look the same. */
  #equality(expr: CelExpr, first: CelStatic, second: CelStatic): Checked {
    const kind = [first, second].find((type) => typeof type === 'string' && sameFunctions.has(type));
    if (kind === undefined || expr.exprKind.case !== 'callExpr') return 'bool';
    if (first !== second)
      return this.#mismatch(expr, expr.exprKind.value.function, [undefined, [first, second]]);
    const { function: name, args } = expr.exprKind.value;
    const same = callKind(`@same_${String(kind)}`, args);
    expr.exprKind = name === '_==_' ? same : callKind('!_', [{ ...expr, exprKind: same }]);
    return 'bool';
  }

  #index(expr: CelExpr, container: CelStatic, key: CelStatic): CelStatic | undefined {
    if (container === 'dyn') return 'dyn';
    if (typeof container === 'string') return undefined;
    if (container.kind === 'list') return fits(key, 'int') ? container.element : undefined;
    if (!fits(key, container.key)) return undefined;
    if (container.value === 'string' && key === 'string' && expr.exprKind.case === 'callExpr') {
      expr.exprKind = callKind('@key', expr.exprKind.value.args);
    }
    return container.value;
  }
}

const constantTypes: Readonly<Record<string, CelStatic>> = {
  boolValue: 'bool',
  bytesValue: 'bytes',
  doubleValue: 'double',
  int64Value: 'int',
  nullValue: 'null',
  stringValue: 'string',
  uint64Value: 'uint',
};

/** The names of `a.b.c` with the node of each; empty when it does not begin with a name. */
function chainOf(expr: CelExpr): readonly { readonly word: string; readonly expr: CelExpr }[] {
  const { exprKind } = expr;
  if (exprKind.case === 'identExpr') return [{ word: exprKind.value.name, expr }];
  if (exprKind.case !== 'selectExpr' || exprKind.value.operand === undefined) return [];
  const before = chainOf(exprKind.value.operand);
  return before.length === 0 ? [] : [...before, { word: exprKind.value.field, expr }];
}

const constantText = (expr: CelExpr, text: string): CelExpr => ({
  ...expr,
  exprKind: {
    case: 'constExpr',
    value: { $typeName: 'cel.expr.Constant', constantKind: { case: 'stringValue', value: text } },
  },
});

function elementOf(type: CelStatic): CelStatic | undefined {
  if (type === 'dyn') return 'dyn';
  if (typeof type === 'string') return undefined;
  return type.kind === 'list' ? type.element : type.key;
}

const numbers: ReadonlySet<CelStatic> = new Set<CelStatic>(['int', 'uint', 'double']);

const areComparable = (a: CelStatic, b: CelStatic): boolean =>
  fits(a, b) || (numbers.has(a) && numbers.has(b));

function isMember(value: CelStatic, container: CelStatic): boolean {
  if (container === 'dyn') return true;
  if (typeof container === 'string') return false;
  const wanted = container.kind === 'list' ? container.element : container.key;
  return fits(value, wanted) && !(typeof value === 'string' && sameFunctions.has(value));
}

function resultOf(
  known: readonly Overload[],
  target: CelStatic | undefined,
  types: readonly CelStatic[],
): CelStatic | undefined {
  const fitting = known.filter(
    (one) =>
      (one.target === undefined) === (target === undefined) &&
      (one.target === undefined || target === undefined || fits(target, one.target)) &&
      one.operands.length === types.length &&
      one.operands.every((operand, index) => fits(types[index] ?? 'dyn', operand)),
  );
  const [first, ...others] = fitting;
  return first === undefined
    ? undefined
    : others.reduce((type, { result }) => join(type, result), first.result);
}
