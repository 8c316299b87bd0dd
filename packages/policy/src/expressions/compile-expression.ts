// Text to an expression, in whichever language. Rule: what is wrong is a diagnostic with its place in the text (line and column from 1), and one is enough.
import { type Diagnostic, fail, type Result, succeed } from '@xebec/std';
import type { Vocabulary } from '../attributes/vocabulary.ts';
import { compileCel } from './cel/compile-cel.ts';
import type { Expression, ExpressionLanguage } from './expression.ts';
import { compileIstio } from './istio/compile-istio.ts';
import type { ValueFunction } from './istio/functions.ts';
import { positionAt } from './istio/position.ts';
import { readSyntax } from './istio/read-syntax.ts';
import type { Syntax as ExpressionNode } from './istio/syntax.ts';
import type { SyntaxProblem } from './istio/token.ts';

export interface CompileOptions {
  readonly vocabulary: Vocabulary;
  /** `istio` without. */
  readonly language?: ExpressionLanguage;
  /** Of the old language, beside its own. */
  readonly functions?: readonly ValueFunction[];
}

/**
 * Compiles once what is evaluated often. Codes: `expression-syntax`, `unknown-attribute`, `unknown-function`,
 * `expression-type`. The diagnostic's origin is the place inside the text.
 */
export function compileExpression(text: string, options: CompileOptions): Result<Expression> {
  const compiled =
    options.language === 'cel' ? compileCel(text, options.vocabulary) : compileIstio(text, options);
  return compiled.ok ? succeed(compiled.expression) : fail(diagnose(text, compiled.problem));
}

/** The tree of an expression of the old language, not yet checked against a vocabulary. */
export function parseExpression(text: string): Result<ExpressionNode> {
  const read = readSyntax(text);
  return read.ok ? succeed(read.syntax) : fail(diagnose(text, read.problem));
}

function diagnose(text: string, { message, offset }: SyntaxProblem): Diagnostic {
  const [code, remedy] = kindOf(message);
  return { severity: 'error', code, message, remedy, origin: positionAt(text, offset) };
}

function kindOf(message: string): readonly [code: string, remedy: string] {
  if (message.startsWith('unknown attribute')) {
    return ['unknown-attribute', 'use a name of the vocabulary, or declare this one in an attributemanifest'];
  }
  if (message.startsWith('unknown function')) {
    return ['unknown-function', 'use a function or an operator of the language'];
  }
  if (message.startsWith('internal compiler error')) {
    return ['expression-type', 'write the expression in CEL, which compares values of this type'];
  }
  if (/^(?:unable to parse|unexpected expression|strconv\.|invalid syntax)/.test(message)) {
    return ['expression-syntax', 'write attributes, literals, operators and functions of the language'];
  }
  return ['expression-type', 'give every operand the type that is asked for'];
}

const annotation = 'policy.istio.io/lang';

/** The language that a resource chose by its annotation: the old one unless it says `CEL`. */
export function languageOf(annotations: Readonly<Record<string, string>> | undefined): ExpressionLanguage {
  return annotations !== undefined &&
    Object.hasOwn(annotations, annotation) &&
    annotations[annotation] === 'CEL'
    ? 'cel'
    : 'istio';
}
