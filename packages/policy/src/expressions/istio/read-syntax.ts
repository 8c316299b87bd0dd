// Text to the tree of the old expression language. Rule: never throws; the complaint is Mixer's own sentence where Mixer has one.
import { Duration } from '../../attributes/value.ts';
import { parseGoDuration } from '../values/go-duration.ts';
import type { GoExpression } from './go-expression.ts';
import { parseGo } from './go-parser.ts';
import { positionAt } from './position.ts';
import { unquote } from './string-literal.ts';
import { binaryNames, type ConstantSyntax, type Syntax } from './syntax.ts';
import type { SyntaxProblem } from './token.ts';

export type SyntaxRead =
  | { readonly ok: true; readonly syntax: Syntax }
  | { readonly ok: false; readonly problem: SyntaxProblem };

/** More than this is no expression that somebody wrote. */
export const maximumLength = 65_536;

export function readSyntax(source: string): SyntaxRead {
  if (source.length > maximumLength) {
    return {
      ok: false,
      problem: { offset: 0, message: `unable to parse expression: longer than ${maximumLength} characters` },
    };
  }
  const parse = parseGo(source);
  if (!parse.ok) return { ok: false, problem: parseProblem(source, parse.problems) };
  const lowered = lower(parse.expression);
  return 'message' in lowered ? { ok: false, problem: lowered } : { ok: true, syntax: lowered };
}

function parseProblem(source: string, problems: readonly SyntaxProblem[]): SyntaxProblem {
  const [first] = problems;
  const offset = first?.offset ?? 0;
  const { line, column } = positionAt(source, offset);
  const more = problems.length > 1 ? ` (and ${problems.length - 1} more errors)` : '';
  const message = `unable to parse expression '${source}': ${line}:${column}: ${first?.message}${more}`;
  return { offset, message };
}

type Lowered = Syntax | SyntaxProblem;

function lower(expression: GoExpression): Lowered {
  const { offset } = expression;
  switch (expression.kind) {
    case 'parenthesized':
      return lower(expression.inner);
    case 'literal':
      return constantOf(expression.literal, expression.text, offset);
    case 'name':
      return nameOf(expression.name, offset);
    case 'unary':
      return callOf(binaryNames[expression.operator] ?? '', [expression.operand], offset);
    case 'binary':
      return callOf(binaryNames[expression.operator] ?? '', [expression.left, expression.right], offset);
    case 'index':
      return callOf('INDEX', [expression.target, expression.index], expression.target.offset);
    case 'call':
      return lowerCall(expression);
    case 'selector': {
      const name = dottedName(expression);
      return name === undefined ? unexpected('a member of a value', offset) : variable(name, expression);
    }
    case 'other':
      return unexpected(expression.what, offset);
  }
}

const unexpected = (what: string, offset: number): SyntaxProblem => ({
  offset,
  message: `unexpected expression: ${what}`,
});

const variable = (name: string, expression: GoExpression): Syntax => ({
  kind: 'attribute',
  name,
  offset: startOf(expression),
});

/** Where the text of an expression begins; operators have their own place. */
function startOf(expression: GoExpression): number {
  if (expression.kind === 'selector' || expression.kind === 'index') return startOf(expression.target);
  return expression.offset;
}

/** `a.b.c`, when the expression is no more than that. */
function dottedName(expression: GoExpression): string | undefined {
  if (expression.kind === 'name') return expression.name;
  if (expression.kind !== 'selector') return undefined;
  const target = dottedName(expression.target);
  return target === undefined ? undefined : `${target}.${expression.name}`;
}

/** Go has no word for true and false: they are names, in any case of letters. */
function nameOf(name: string, offset: number): Syntax {
  const text = name.toLowerCase();
  if (text !== 'true' && text !== 'false') return { kind: 'attribute', name, offset };
  return { kind: 'constant', type: 'BOOL', value: text === 'true', text, offset };
}

function lowerCall({ callee, operands, offset }: GoExpression & { readonly kind: 'call' }): Lowered {
  if (callee.kind === 'name') return callOf(callee.name, operands, callee.offset);
  if (callee.kind !== 'selector') return unexpected('a call of what is no function', offset);
  const name = dottedName(callee.target);
  if (callee.target.kind === 'selector' && name === undefined) {
    return unexpected('a member of a value', callee.offset);
  }
  const target = name === undefined ? lower(callee.target) : variable(name, callee.target);
  if ('message' in target) return target;
  return callOf(callee.name, operands, startOf(callee), target);
}

function callOf(name: string, operands: readonly GoExpression[], offset: number, target?: Syntax): Lowered {
  const lowered: Syntax[] = [];
  for (const operand of operands) {
    const one = lower(operand);
    if ('message' in one) return one;
    lowered.push(one);
  }
  return { kind: 'call', name, args: lowered, offset, ...(target === undefined ? {} : { target }) };
}

type Literal = (GoExpression & { readonly kind: 'literal' })['literal'];

function constantOf(literal: Literal, text: string, offset: number): ConstantSyntax | SyntaxProblem {
  if (literal === 'integer') return integerOf(text, offset);
  if (literal === 'float') return floatOf(text, offset);
  if (literal === 'imaginary') return { offset, message: 'invalid syntax' };
  const value = unquote(text);
  const nanoseconds = parseGoDuration(value);
  if (nanoseconds === undefined) return { kind: 'constant', type: 'STRING', value, text, offset };
  return { kind: 'constant', type: 'DURATION', value: new Duration(nanoseconds), text, offset };
}

function integerOf(text: string, offset: number): ConstantSyntax | SyntaxProblem {
  const problem = (why: string): SyntaxProblem => ({
    offset,
    message: `strconv.ParseInt: parsing "${text}": ${why}`,
  });
  if (!/^\d+$/.test(text)) return problem('invalid syntax');
  const value = BigInt(text);
  if (value >= 1n << 63n) return problem('value out of range');
  return { kind: 'constant', type: 'INT64', value, text, offset };
}

function floatOf(text: string, offset: number): ConstantSyntax | SyntaxProblem {
  const digits = /^0[xX]/.test(text) ? undefined : Number(text.replaceAll('_', ''));
  if (digits === undefined || text.includes('_')) {
    return { offset, message: `strconv.ParseFloat: parsing "${text}": invalid syntax` };
  }
  if (!Number.isFinite(digits)) {
    return { offset, message: `strconv.ParseFloat: parsing "${text}": value out of range` };
  }
  return { kind: 'constant', type: 'DOUBLE', value: digits, text, offset };
}
