// The public surface of policy.
export * from './adapters/sdk.ts';
export type * from './attributes/value.ts';
export { Duration, Timestamp } from './attributes/value.ts';
export type * from './attributes/vocabulary.ts';
export type * from './engine/engine.ts';
export type * from './expressions/expression.ts';
export type * from './templates/template.ts';
