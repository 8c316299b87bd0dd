// The old expression language: text to an expression, or what is wrong with it and where. Rule: checked once, evaluated often; evaluation never throws.
import type { AttributeReference, ValueType } from '../../attributes/value.ts';
import type { Vocabulary } from '../../attributes/vocabulary.ts';
import type { Expression } from '../expression.ts';
import { Failure, outcomeOf } from '../failure.ts';
import { checkTypes } from './check-types.ts';
import { compileSyntax } from './compile-syntax.ts';
import { operatorTypes, type ValueFunction, valueFunctions } from './functions.ts';
import { readSyntax } from './read-syntax.ts';
import type { Syntax } from './syntax.ts';
import type { SyntaxProblem } from './token.ts';

export type CompiledText =
  | { readonly ok: true; readonly expression: Expression }
  | { readonly ok: false; readonly problem: SyntaxProblem };

export interface IstioOptions {
  readonly vocabulary: Vocabulary;
  /** Beside those that the language has. */
  readonly functions?: readonly ValueFunction[];
}

const noValue = new Failure('no value');

export function compileIstio(text: string, { vocabulary, functions: more = [] }: IstioOptions): CompiledText {
  const read = readSyntax(text);
  if (!read.ok) return read;
  const functions =
    more.length === 0
      ? valueFunctions
      : new Map([...valueFunctions, ...more.map((one) => [one.name, one] as const)]);
  const findFunction = (name: string) => functions.get(name) ?? operatorTypes.get(name);
  const types = new Map<Syntax, ValueType>();
  const type = checkTypes(read.syntax, { vocabulary, findFunction }, types);
  if (typeof type !== 'string') return { ok: false, problem: type };
  const problems: SyntaxProblem[] = [];
  const step = compileSyntax(read.syntax, { types, functions, problems });
  const [problem] = problems;
  if (problem !== undefined) return { ok: false, problem };
  const expression: Expression = {
    text,
    language: 'istio',
    type,
    mentions: mentionsOf(read.syntax),
    evaluate: (attributes) => outcomeOf(step(attributes) ?? noValue),
  };
  return { ok: true, expression };
}

/** Every attribute once; a map by its keys where all of them are constants. */
function mentionsOf(syntax: Syntax): readonly AttributeReference[] {
  const mentions = new Map<string, AttributeReference>();
  const add = (name: string, key?: string): void => {
    const id = JSON.stringify([name, key]);
    mentions.set(id, { name, isPresent: false, ...(key === undefined ? {} : { key }) });
  };
  const visit = (one: Syntax): void => {
    if (one.kind === 'attribute') add(one.name);
    if (one.kind !== 'call') return;
    const [target, index] = one.args;
    if (one.name === 'INDEX' && target?.kind === 'attribute' && index?.kind === 'constant') {
      add(target.name, String(index.value));
      return;
    }
    if (one.target !== undefined) visit(one.target);
    one.args.forEach(visit);
  };
  visit(syntax);
  return [...mentions.values()];
}
