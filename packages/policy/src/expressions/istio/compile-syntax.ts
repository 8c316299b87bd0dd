// A checked tree to one function. Rule: Mixer's order of evaluation and what it leaves out: `&&` and `||` stop early, `|` asks for the next only where the one before is absent, and only attributes and map keys can be absent.
import type { AttributeSource, AttributeValue, ValueType } from '../../attributes/value.ts';
import { absent, Failure } from '../failure.ts';
import { compilePattern } from '../regular-expression.ts';
import { comparisons, notImplemented } from './comparison.ts';
import { matchWildcard, type ValueFunction } from './functions.ts';
import { byteLength } from './position.ts';
import { type Need, readVariable, type Step } from './step.ts';
import type { AttributeSyntax, CallSyntax, ConstantSyntax, Syntax } from './syntax.ts';
import type { SyntaxProblem } from './token.ts';

export interface Compilation {
  readonly types: ReadonlyMap<Syntax, ValueType>;
  readonly functions: ReadonlyMap<string, ValueFunction>;
  /** What has no meaning after all, in the order in which it was met. */
  readonly problems: SyntaxProblem[];
}

export function compileSyntax(syntax: Syntax, compilation: Compilation, need: Need = 'required'): Step {
  switch (syntax.kind) {
    case 'constant': {
      const { value } = syntax;
      return () => value;
    }
    case 'attribute':
      return readVariable(syntax, typeOf(syntax, compilation), need);
    case 'call':
      return compileCall(syntax, compilation, need);
  }
}

const typeOf = (syntax: Syntax | undefined, { types }: Compilation): ValueType =>
  (syntax === undefined ? undefined : types.get(syntax)) ?? 'STRING';

function compileCall(syntax: CallSyntax, compilation: Compilation, need: Need): Step {
  const [first, second, third] = syntax.args;
  const required = (operand: Syntax | undefined): Step =>
    operand === undefined ? nothing : compileSyntax(operand, compilation);
  if (comparisons.has(syntax.name)) return compileComparison(syntax, compilation);
  switch (syntax.name) {
    case 'LOR':
      return either(required(first), required(second), true);
    case 'LAND':
      return either(required(first), required(second), false);
    case 'OR':
      return orElse(
        first === undefined ? nothing : compileSyntax(first, compilation, 'optional'),
        second === undefined ? nothing : compileSyntax(second, compilation, need),
      );
    case 'INDEX':
      return compileIndex(syntax, compilation, need);
    case 'conditional':
      return choose(required(first), required(second), required(third));
    case 'ADD':
      return compileSum(syntax, compilation);
    case 'size':
      return mapText(required(first), (text) => BigInt(byteLength(text)));
    default:
      return compileFunction(syntax, compilation);
  }
}

const nothing: Step = () => undefined;

/** `||` stops at true, `&&` at false. */
const either =
  (left: Step, right: Step, stopsAt: boolean): Step =>
  (attributes) => {
    const first = left(attributes);
    return first === stopsAt || first instanceof Failure ? first : right(attributes);
  };

const orElse =
  (left: Step, right: Step): Step =>
  (attributes) => {
    const first = left(attributes);
    return first === undefined ? right(attributes) : first;
  };

const choose =
  (condition: Step, yes: Step, no: Step): Step =>
  (attributes) => {
    const chosen = condition(attributes);
    if (chosen instanceof Failure) return chosen;
    return chosen === true ? yes(attributes) : no(attributes);
  };

const mapText =
  (step: Step, map: (text: string) => AttributeValue): Step =>
  (attributes) => {
    const text = step(attributes);
    return typeof text === 'string' ? map(text) : text;
  };

function compileComparison(syntax: CallSyntax, compilation: Compilation): Step {
  const [first, second] = syntax.args;
  const type = typeOf(first, compilation);
  const left = first === undefined ? nothing : compileSyntax(first, compilation);
  const right = second === undefined ? nothing : compileSyntax(second, compilation);
  const operator = comparisons.get(syntax.name);
  const compare = operator?.compare(type);
  if (compare === undefined) {
    const message = notImplemented(operator?.words ?? syntax.name, type);
    compilation.problems.push({ offset: syntax.offset, message });
    return nothing;
  }
  if (second?.kind === 'constant' && syntax.name === 'EQ') return equalsConstant(left, second.value);
  return (attributes) => {
    const a = left(attributes);
    if (a instanceof Failure || a === undefined) return a;
    const b = right(attributes);
    return b instanceof Failure || b === undefined ? b : compare(a, b);
  };
}

/** The commonest comparison of all. */
const equalsConstant =
  (left: Step, constant: AttributeValue): Step =>
  (attributes) => {
    const value = left(attributes);
    return value instanceof Failure ? value : value === constant;
  };

/** A key that a map lacks is the empty string, except before a `|`. */
function compileIndex(syntax: CallSyntax, compilation: Compilation, need: Need): Step {
  const [target, index] = syntax.args;
  const map = target === undefined ? undefined : compileMap(target, compilation, need);
  const key = index === undefined ? nothing : compileSyntax(index, compilation, need);
  if (map === undefined) return nothing;
  const missing = need === 'required' ? '' : undefined;
  return (attributes) => {
    const name = map(attributes);
    if (name === undefined || name instanceof Failure) return name;
    const wanted = key(attributes);
    if (typeof wanted !== 'string') return wanted;
    return (name === '' ? undefined : attributes.getKey(name, wanted)) ?? missing;
  };
}

function compileSum(syntax: CallSyntax, compilation: Compilation): Step {
  const [first, second] = syntax.args;
  const type = typeOf(first, compilation);
  const left = first === undefined ? nothing : compileSyntax(first, compilation);
  const right = second === undefined ? nothing : compileSyntax(second, compilation);
  if (type === 'BOOL' || notImplemented('', type).endsWith('interface') || type === 'DURATION') {
    compilation.problems.push({ offset: syntax.offset, message: notImplemented('Add', type) });
  }
  return (attributes) => {
    const a = left(attributes);
    if (a instanceof Failure || a === undefined) return a;
    const b = right(attributes);
    return b instanceof Failure || b === undefined ? b : add(a, b);
  };
}

/** Integers wrap around at 64 bits. Text grows to `maximumText` and no further. */
function add(a: AttributeValue, b: AttributeValue): AttributeValue | Failure {
  if (typeof a === 'bigint' && typeof b === 'bigint') return BigInt.asIntN(64, a + b);
  if (typeof a === 'number' && typeof b === 'number') return a + b;
  const text = String(a) + String(b);
  return text.length > maximumText ? new Failure(`a text longer than ${maximumText} characters`) : text;
}

const maximumText = 1 << 20;

function compileFunction(syntax: CallSyntax, compilation: Compilation): Step {
  const called = compilation.functions.get(syntax.name);
  if (called === undefined) return nothing;
  const operands = syntax.target === undefined ? syntax.args : [syntax.target, ...syntax.args];
  const steps = operands.map((operand) => compileSyntax(operand, compilation));
  if (syntax.name === 'match') return compileMatch(steps);
  const [first] = operands;
  if (syntax.name === 'matches' && first?.kind === 'constant')
    return compilePatternTest(first, syntax, steps);
  if (operands.every(({ kind }) => kind === 'constant')) {
    const value = called.call(operands.flatMap((one) => (one.kind === 'constant' ? [one.value] : [])));
    const given = value instanceof Failure ? value.at(syntax.offset) : value;
    return () => given;
  }
  return (attributes) => {
    const values: AttributeValue[] = [];
    for (const step of steps) {
      const value = step(attributes);
      if (value === undefined || value instanceof Failure) return value;
      values.push(value);
    }
    const value = called.call(values);
    return value instanceof Failure ? value.at(syntax.offset) : value;
  };
}

function compileMatch([text = nothing, pattern = nothing]: readonly Step[]): Step {
  return (attributes) => {
    const a = text(attributes);
    if (typeof a !== 'string') return a;
    const b = pattern(attributes);
    return typeof b === 'string' ? matchWildcard(a, b) : b;
  };
}

/** Where a map is that somebody takes a key of, so that a key that was asked for can be told from the whole map. The attribute's name; empty for the map that has no keys; `undefined` for an absent one. */
type MapStep = (attributes: AttributeSource) => string | Failure | undefined;

function compileMap(syntax: Syntax, compilation: Compilation, need: Need): MapStep {
  if (syntax.kind === 'attribute') return mapVariable(syntax, need);
  if (syntax.kind === 'constant') return noKeys;
  const [first, second, third] = syntax.args;
  if (syntax.name === 'OR' && first !== undefined && second !== undefined) {
    const left = compileMap(first, compilation, 'optional');
    const right = compileMap(second, compilation, need);
    return (attributes) => {
      const found = left(attributes);
      return found === undefined ? right(attributes) : found;
    };
  }
  if (syntax.name !== 'conditional' || first === undefined || second === undefined || third === undefined) {
    return noKeys;
  }
  const condition = compileSyntax(first, compilation);
  const yes = compileMap(second, compilation, 'required');
  const no = compileMap(third, compilation, 'required');
  return (attributes) => {
    const chosen = condition(attributes);
    if (chosen instanceof Failure) return chosen;
    return chosen === true ? yes(attributes) : no(attributes);
  };
}

const noKeys: MapStep = () => '';

function mapVariable({ name, offset }: AttributeSyntax, need: Need): MapStep {
  const missing = need === 'optional' ? undefined : absent(name, offset);
  return (attributes) => (attributes.hasMap(name) ? name : missing);
}

/** A pattern that is written out is compiled with the expression. */
function compilePatternTest(
  { value }: ConstantSyntax,
  { offset }: CallSyntax,
  [, text = nothing]: readonly Step[],
): Step {
  const pattern = compilePattern(String(value));
  if (pattern instanceof Failure) {
    const failure = pattern.at(offset);
    return (attributes) => {
      const tested = text(attributes);
      return tested instanceof Failure ? tested : failure;
    };
  }
  return (attributes) => {
    const tested = text(attributes);
    return typeof tested === 'string' ? pattern.test(tested) : tested;
  };
}
