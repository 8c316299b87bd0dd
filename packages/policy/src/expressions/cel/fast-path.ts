// The common forms of CEL without the library: comparisons of attributes and keys with constants, `&&`, `||`, `!`, `in`, tests of text. Rule: the whole expression or nothing, and exactly what the library would give.
import type { AttributeSource, AttributeValue } from '../../attributes/value.ts';
import { Failure } from '../failure.ts';
import { matchWildcard } from '../istio/functions.ts';
import { checks } from '../istio/step.ts';
import { compilePattern } from '../regular-expression.ts';
import { toLower } from '../text.ts';
import { zeroValues } from './bindings.ts';
import { type CelExpr, missingKey } from './cel-library.ts';
import type { AttributeUse, CheckedCel } from './check-cel.ts';

type Step = (attributes: AttributeSource) => AttributeValue | Failure;

/** One function for the expression, or `undefined` where something in it is not common. */
export function compileFast(expr: CelExpr, checked: CheckedCel): Step | undefined {
  const { exprKind } = expr;
  switch (exprKind.case) {
    case 'constExpr':
      return constantStep(expr);
    case 'identExpr':
      return attributeStep(checked.uses.find(({ variable }) => variable === exprKind.value.name));
    case 'callExpr':
      return callStep(expr, checked);
    default:
      return undefined;
  }
}

function constantOf({ exprKind }: CelExpr): AttributeValue | undefined {
  if (exprKind.case !== 'constExpr') return undefined;
  const { constantKind } = exprKind.value;
  switch (constantKind.case) {
    case 'boolValue':
    case 'doubleValue':
    case 'int64Value':
    case 'stringValue':
      return constantKind.value;
    default:
      return undefined;
  }
}

function constantStep(expr: CelExpr): Step | undefined {
  const value = constantOf(expr);
  return value === undefined ? undefined : () => value;
}

const plainTypes: ReadonlySet<string> = new Set(['STRING', 'INT64', 'DOUBLE', 'BOOL']);

function attributeStep(use: AttributeUse | undefined): Step | undefined {
  if (use === undefined) return undefined;
  const { name, type, isTest } = use;
  if (isTest && type === 'STRING_MAP') return (attributes) => attributes.hasMap(name);
  const isRight = checks[type];
  if (isTest) {
    return (attributes) => {
      const value = attributes.get(name);
      return value !== undefined && isRight(value);
    };
  }
  if (!plainTypes.has(type)) return undefined;
  const zero = zeroValues[type];
  return (attributes) => {
    const value = attributes.get(name);
    return value !== undefined && isRight(value) ? value : zero;
  };
}

/** The name of a map that is an attribute. */
function mapName(expr: CelExpr | undefined, { uses }: CheckedCel): string | undefined {
  if (expr?.exprKind.case !== 'identExpr') return undefined;
  const { name } = expr.exprKind.value;
  const use = uses.find(({ variable }) => variable === name);
  return use?.type === 'STRING_MAP' && !use.isTest ? use.name : undefined;
}

function callStep(expr: CelExpr, checked: CheckedCel): Step | undefined {
  if (expr.exprKind.case !== 'callExpr') return undefined;
  const { function: name, target, args } = expr.exprKind.value;
  const [first, second] = args;
  if (name === '@key') return keyStep(mapName(first, checked), second, checked);
  if (name === '@in') return memberStep(args, checked);
  const all = target === undefined ? args : [target, ...args];
  const operation = operationOf(name, all, checked);
  if (operation === undefined) return undefined;
  const steps: Step[] = [];
  for (const one of all) {
    const step = compileFast(one, checked);
    if (step === undefined) return undefined;
    steps.push(step);
  }
  return operation(steps);
}

type Operation = (steps: readonly Step[]) => Step;

const wrong = new Failure('no matching overload');

function operationOf(name: string, args: readonly CelExpr[], checked: CheckedCel): Operation | undefined {
  if (name === '_&&_') return ([left = no, right = no]) => either(left, right, false);
  if (name === '_||_') return ([left = no, right = no]) => either(left, right, true);
  if (name === '!_')
    return ([step = no]) =>
      (attributes) =>
        negate(step(attributes));
  if (name === '_?_:_') return choose;
  const [, pattern] = args.map(constantOf);
  const test = name === 'matches' ? patternTest(pattern) : textTests[name];
  if (test !== undefined) return ([text = no, other = no]) => textStep(text, other, test);
  if (name === 'toLower')
    return ([step = no]) =>
      (attributes) =>
        mapText(step(attributes), toLower);
  const compare = comparisons[name];
  const types = args.map((one) => checked.types.get(one));
  const [type] = types;
  const isPlain = type === 'string' || type === 'int' || type === 'bool' || type === 'double';
  if (compare === undefined || !isPlain || types[1] !== type) return undefined;
  const [, constant] = args.map(constantOf);
  if (name === '_==_' && constant !== undefined) {
    return ([step = no]) =>
      (attributes) => {
        const value = step(attributes);
        return value instanceof Failure ? value : value === constant;
      };
  }
  return ([left = no, right = no]) => compareStep(left, right, compare);
}

const no: Step = () => wrong;

function negate(value: AttributeValue | Failure): boolean | Failure {
  if (value instanceof Failure) return value;
  return typeof value === 'boolean' ? !value : wrong;
}

/** What decides alone decides, even where the other side fails. */
const either =
  (left: Step, right: Step, decides: boolean): Step =>
  (attributes) => {
    const first = left(attributes);
    if (first === decides) return decides;
    const second = right(attributes);
    if (second === decides) return decides;
    return first instanceof Failure ? first : second;
  };

const choose: Operation =
  ([condition = no, yes = no, otherwise = no]) =>
  (attributes) => {
    const chosen = condition(attributes);
    if (chosen instanceof Failure) return chosen;
    return chosen === true ? yes(attributes) : otherwise(attributes);
  };

type Compare = (a: AttributeValue, b: AttributeValue) => boolean;

const comparisons: Readonly<Record<string, Compare>> = {
  '_==_': (a, b) => a === b,
  '_!=_': (a, b) => a !== b,
  '_<_': (a, b) => a < b,
  '_<=_': (a, b) => a <= b,
  '_>_': (a, b) => a > b,
  '_>=_': (a, b) => a >= b,
};

const compareStep =
  (left: Step, right: Step, compare: Compare): Step =>
  (attributes) => {
    const a = left(attributes);
    if (a instanceof Failure) return a;
    const b = right(attributes);
    return b instanceof Failure ? b : compare(a, b);
  };

type TextTest = (text: string, other: string) => boolean | Failure;

const textTests: Readonly<Record<string, TextTest>> = {
  startsWith: (text, other) => text.startsWith(other),
  endsWith: (text, other) => text.endsWith(other),
  contains: (text, other) => text.includes(other),
  match: matchWildcard,
};

/** A pattern that is written out is compiled with the expression. */
function patternTest(pattern: AttributeValue | undefined): TextTest | undefined {
  const compiled = typeof pattern === 'string' ? compilePattern(pattern) : undefined;
  if (compiled === undefined) return undefined;
  return compiled instanceof Failure ? () => compiled : (text) => compiled.test(text);
}

const textStep =
  (text: Step, other: Step, test: TextTest): Step =>
  (attributes) => {
    const a = text(attributes);
    if (a instanceof Failure) return a;
    const b = other(attributes);
    if (b instanceof Failure) return b;
    return typeof a === 'string' && typeof b === 'string' ? test(a, b) : wrong;
  };

const mapText = (value: AttributeValue | Failure, map: (text: string) => string): AttributeValue | Failure =>
  typeof value === 'string' ? map(value) : value instanceof Failure ? value : wrong;

function keyStep(name: string | undefined, key: CelExpr | undefined, checked: CheckedCel): Step | undefined {
  const wanted = key === undefined ? undefined : compileFast(key, checked);
  if (name === undefined || wanted === undefined) return undefined;
  return (attributes) => {
    const text = wanted(attributes);
    if (typeof text !== 'string') return text instanceof Failure ? text : wrong;
    const value = attributes.hasMap(name) ? attributes.getKey(name, text) : undefined;
    return value ?? new Failure(`${missingKey}${text}'`, true);
  };
}

/** `KEY in MAP`, or one of the constants of a list. */
function memberStep([value, container]: readonly CelExpr[], checked: CheckedCel): Step | undefined {
  const wanted = value === undefined ? undefined : compileFast(value, checked);
  if (wanted === undefined || container === undefined) return undefined;
  const name = mapName(container, checked);
  if (name !== undefined) {
    return (attributes) => {
      const key = wanted(attributes);
      if (typeof key !== 'string') return key instanceof Failure ? key : wrong;
      return attributes.hasMap(name) && attributes.getKey(name, key) !== undefined;
    };
  }
  const members = constantsOf(container, checked);
  if (members === undefined) return undefined;
  return (attributes) => {
    const one = wanted(attributes);
    return one instanceof Failure ? one : members.has(one);
  };
}

/** The constants of a list of texts. */
function constantsOf(container: CelExpr, checked: CheckedCel): ReadonlySet<AttributeValue> | undefined {
  const type = checked.types.get(container);
  if (container.exprKind.case !== 'listExpr' || typeof type !== 'object' || type.kind !== 'list')
    return undefined;
  if (type.element !== 'string') return undefined;
  const members = new Set<AttributeValue>();
  for (const one of container.exprKind.value.elements) {
    const value = constantOf(one);
    if (value === undefined) return undefined;
    members.add(value);
  }
  return members;
}
