// Types of the old expression language: what each part gives, or the first part that does not fit. Rule: Mixer's order of looking and Mixer's sentences.
import type { ValueType } from '../../attributes/value.ts';
import type { Vocabulary } from '../../attributes/vocabulary.ts';
import type { FunctionType } from './functions.ts';
import { type CallSyntax, describe, type Syntax } from './syntax.ts';
import type { SyntaxProblem } from './token.ts';

export interface TypeContext {
  readonly vocabulary: Vocabulary;
  findFunction(name: string): FunctionType | undefined;
}

/** A type, or why there is none. What was found out on the way is kept in `types`. */
export function checkTypes(
  syntax: Syntax,
  context: TypeContext,
  types: Map<Syntax, ValueType>,
): ValueType | SyntaxProblem {
  const type = typeOf(syntax, context, types);
  if (typeof type === 'string') types.set(syntax, type);
  return type;
}

function typeOf(
  syntax: Syntax,
  context: TypeContext,
  types: Map<Syntax, ValueType>,
): ValueType | SyntaxProblem {
  if (syntax.kind === 'constant') return syntax.type;
  if (syntax.kind === 'call') return typeOfCall(syntax, context, types);
  const declaration = context.vocabulary.get(syntax.name);
  return declaration?.type ?? { offset: syntax.offset, message: `unknown attribute ${syntax.name}` };
}

function typeOfCall(
  syntax: CallSyntax,
  context: TypeContext,
  types: Map<Syntax, ValueType>,
): ValueType | SyntaxProblem {
  const problem = (message: string, offset = syntax.offset): SyntaxProblem => ({ offset, message });
  const type = context.findFunction(syntax.name);
  if (type === undefined) return problem(`unknown function: ${syntax.name}`);
  const targetProblem = checkTarget(syntax, type, { context, types });
  if (targetProblem !== undefined) return targetProblem;
  const wanted = type.operands.length;
  if (syntax.args.length !== wanted) {
    return problem(
      `${describe(syntax)} arity mismatch. Got ${syntax.args.length} arg(s), expected ${wanted} arg(s)`,
    );
  }
  let same: ValueType | undefined;
  for (const [index, operand] of syntax.args.entries()) {
    const found = checkTypes(operand, context, types);
    if (typeof found !== 'string') return found;
    const declared = type.operands[index] ?? 'same';
    const expected: ValueType = declared === 'same' ? (same ?? found) : declared;
    if (declared === 'same') same = expected;
    if (found === expected) continue;
    const what = `${describe(syntax)} arg ${index + 1} (${describe(operand)})`;
    return problem(`${what} typeError got ${found}, expected ${expected}`, operand.offset);
  }
  return type.result === 'same' ? (same ?? 'STRING') : type.result;
}

function checkTarget(
  syntax: CallSyntax,
  type: FunctionType,
  { context, types }: { readonly context: TypeContext; readonly types: Map<Syntax, ValueType> },
): SyntaxProblem | undefined {
  const { name, offset, target } = syntax;
  if (target === undefined) {
    if (type.target === undefined) return undefined;
    return { offset, message: `invoking instance method without an instance: ${name}` };
  }
  if (type.target === undefined) {
    return { offset, message: `invoking regular function on instance method: ${name}` };
  }
  const found = checkTypes(target, context, types);
  if (typeof found !== 'string') return found;
  if (found === type.target) return undefined;
  const message = `${describe(syntax)} target typeError got ${found}, expected ${type.target}`;
  return { offset: target.offset, message };
}
