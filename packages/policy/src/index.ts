// The public surface of policy.
export * from './adapters/sdk.ts';
export * from './attributes/index.ts';
export type * from './configuration/policy-object.ts';
export { policyObjectKey } from './configuration/policy-object.ts';
export { createPolicyEngine } from './engine/create-policy-engine.ts';
export type * from './engine/engine.ts';
export type * from './engine/options.ts';
export * from './expressions/index.ts';
export * from './quotas/index.ts';
export type * from './templates/template.ts';
