// Expressions: text of either language, compiled once and evaluated often.
export type { CompileOptions } from './compile-expression.ts';
export { compileExpression, languageOf, parseExpression } from './compile-expression.ts';
export type * from './expression.ts';
export type { ValueFunction } from './istio/functions.ts';
export type { Syntax as ExpressionNode } from './istio/syntax.ts';
