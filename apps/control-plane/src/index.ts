// The public surface of the control plane: one function that runs it.
export { type AuthorizationQuestion, type Finding, findingRules, isAtLeast, warningOf } from '@xebec/mesh';
export {
  analyzeDocuments,
  analyzeTogether,
  type DocumentsOptions,
  findingsOfText,
  policyMistakes,
} from './analysis/analyze-documents.ts';
export type { ShownAnswer } from './authorization/answers.ts';
export { checkerOf, type PolicyCheck } from './authorization/check-documents.ts';
export type { ShownRule } from './authorization/explained-rule.ts';
export type { ShownPolicies } from './authorization/held-policies.ts';
export type {
  ControlPlane,
  ControlPlaneAddresses,
  ControlPlaneEvent,
  ControlPlaneOptions,
} from './options.ts';
export type { Pipeline, PipelineOptions } from './pipeline.ts';
export { createPipeline } from './pipeline.ts';
export { runControlPlane } from './run.ts';
export { version } from './version.ts';
