// What the compiler of the policy service says of objects, before they are taken: expressions, templates and the parameters of adapters.
import { type AnyObject, type ObjectOf, objectKey } from '@xebec/config';
import type { ObjectKey } from '@xebec/model';
import {
  adapterForms,
  checkPolicyObjects,
  isAboutAnother,
  type PolicyObject,
  type PolicyProblem,
} from '@xebec/policy';
import type { Diagnostic } from '@xebec/std';
import type { CheckTogether } from '@xebec/store';
import { itemOf, type PolicyKindName, policyKinds } from './policy-kinds.ts';

const names: ReadonlySet<string> = new Set(policyKinds);

const isCompiled = (key: string): boolean => names.has(key.slice(0, key.indexOf('/')));

type CompiledObject = { readonly [K in PolicyKindName]: ObjectOf<K> }[PolicyKindName];

// The kinds have the bodies that the compiler takes.
const policyObjectOf = (object: CompiledObject): PolicyObject => itemOf(object) as PolicyObject;

/** Nothing is compiled for changes of other kinds. */
export const checkPolicy: CheckTogether = function* ({ changed, list }) {
  if (![...changed.keys()].some(isCompiled)) return;
  const objects = policyKinds.flatMap((kind) => list(kind)) as readonly CompiledObject[];
  for (const { key, diagnostic } of findMistakes(objects)) if (changed.has(key)) yield { key, diagnostic };
};

/** Fields of an object that name another one, which may come later. */
const references: ReadonlySet<string> = new Set(['spec.adapter', 'spec.template']);

const isWaiting = (problem: PolicyProblem): boolean =>
  isAboutAnother(problem) ||
  references.has(problem.diagnostic.field ?? '') ||
  (problem.object.startsWith('adapter/') && problem.diagnostic.code === 'unknown-template');

/** What is wrong with objects themselves; what they lack of each other is left to the analysis. */
export function findMistakes(
  objects: Iterable<CompiledObject>,
): readonly { readonly key: ObjectKey; readonly diagnostic: Diagnostic }[] {
  const problems = checkPolicyObjects({
    objects: Array.from(objects, policyObjectOf),
    adapters: adapterForms,
  });
  return problems
    .filter((problem) => problem.diagnostic.severity === 'error' && !isWaiting(problem))
    .map(({ object, diagnostic }) => ({ key: keyIn(object), diagnostic }));
}

function keyIn(text: string): ObjectKey {
  const [kind = '', namespace = '', name = ''] = text.split('/');
  return objectKey(kind, namespace, name);
}

export const isCompiledObject = (object: AnyObject): object is CompiledObject => names.has(object.kind);
