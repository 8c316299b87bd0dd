// What is wrong with a set of objects, before any of it is used. Rule: says what the engine would say, and builds nothing.
import type { AdapterForm } from '../adapters/sdk.ts';
import { compilePolicy } from './compile-policy.ts';
import type { PolicyObject, PolicyProblem } from './policy-object.ts';

export interface PolicyCheckOptions {
  /** All objects as they would be: an expression is right or wrong by the manifests beside it. */
  readonly objects: Iterable<PolicyObject>;
  readonly adapters: Iterable<AdapterForm>;
}

/** Problems of all objects, with fields from the object's root and positions inside expressions. */
export const checkPolicyObjects = ({ objects, adapters }: PolicyCheckOptions): readonly PolicyProblem[] =>
  compilePolicy({ objects, adapters, rootNamespace: '' }).problems;

const waitingCodes: ReadonlySet<string> = new Set([
  'unknown-handler',
  'unknown-instance',
  'unusable-handler',
  'unusable-instance',
]);

/** Whether the problem may end when another object comes: not a reason to refuse this one. */
export const isAboutAnother = ({ diagnostic }: PolicyProblem): boolean => waitingCodes.has(diagnostic.code);
