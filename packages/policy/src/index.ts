// The public surface of policy.
export * from './adapters/sdk.ts';
export type * from './attributes/value.ts';
export { Duration, Timestamp } from './attributes/value.ts';
export type * from './attributes/vocabulary.ts';
export type * from './configuration/policy-object.ts';
export { policyObjectKey } from './configuration/policy-object.ts';
export { createPolicyEngine } from './engine/create-policy-engine.ts';
export type * from './engine/engine.ts';
export type * from './engine/options.ts';
export type * from './expressions/expression.ts';
export * from './quotas/index.ts';
export type * from './templates/template.ts';
