// The public surface of mesh.
export { analyzeMesh } from './analysis/analyze-mesh.ts';
export { type FindingRule, findingRules, type Gravity, isReason, type Reason } from './analysis/catalog.ts';
export {
  compareFindings,
  type Finding,
  findingOf,
  findingOfDiagnostic,
  isAtLeast,
  reasonOf,
  warningOf,
} from './analysis/finding.ts';
export type { AnalysisInput } from './analysis/scene.ts';
export type { KeyRequest } from './authentication.ts';
export { checkCall } from './authorization-check/check-call.ts';
export { type ExplainedRule, explainRule } from './authorization-check/explain-rule.ts';
export { type HeldPolicies, listPolicies } from './authorization-check/list-policies.ts';
export type {
  AnswerReason,
  AuthorizationAnswer,
  AuthorizationQuestion,
  CheckScene,
  ConsideredPolicy,
  ConsideredRule,
  WorkloadAnswer,
} from './authorization-check/question.ts';
export { type Backing, targetPortOf } from './backings.ts';
export { buildMesh } from './build-mesh.ts';
export { configInputs, type ObjectSources } from './config-inputs.ts';
export type { Conflict } from './conflict.ts';
export type { Extension } from './extensions.ts';
export type { HostPort, MeshCollections, MeshInputs, ObjectsOf } from './inputs.ts';
export { lookUpName, type NameAnswer, type NameQuery } from './name-lookup.ts';
export {
  type NetworkLookups,
  type NetworkPlan,
  type NetworkSources,
  networkOf,
} from './networks.ts';
export { filterPatchesFor } from './patch-sets.ts';
export { policyServiceHost, policyServicePort, proxyProtocol } from './policy-service-place.ts';
export type { AccessLogSettings, MeshSettings } from './settings.ts';
export { defaultSettings } from './settings.ts';
export { localityOfPod } from './workloads.ts';
