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
import { refuseInUse } from './objects-in-use.ts';
import { itemOf, type PolicyKindName, policyKinds } from './policy-kinds.ts';

const names: ReadonlySet<string> = new Set(policyKinds);

const isCompiled = (key: string): boolean => names.has(key.slice(0, key.indexOf('/')));

type CompiledObject = { readonly [K in PolicyKindName]: ObjectOf<K> }[PolicyKindName];

// The kinds have the bodies that the compiler takes.
const policyObjectOf = (object: CompiledObject): PolicyObject => itemOf(object) as PolicyObject;

/** Nothing is compiled for changes of other kinds. */
export const checkPolicy: CheckTogether = function* ({ changed, removed, before, list }) {
  const touched = [...changed.keys(), ...removed.keys()].filter(isCompiled);
  if (touched.length === 0) return;
  const objects = policyKinds.flatMap((kind) => list(kind)) as readonly CompiledObject[];
  const problems = compile(objects);
  for (const { key, diagnostic } of mistakesAmong(problems)) if (changed.has(key)) yield { key, diagnostic };
  const problemsBefore = (): readonly PolicyProblem[] => {
    const earlier = touched.flatMap((key) => before(key) ?? []).filter(isCompiledObject);
    return compile([...objects.filter((one) => !changed.has(keyOf(one))), ...earlier]);
  };
  yield* refuseInUse({ changed, removed, before, problems, problemsBefore });
};

const keyOf = ({ kind, metadata: { namespace, name } }: CompiledObject): ObjectKey =>
  objectKey(kind, namespace, name);

const compile = (objects: Iterable<CompiledObject>): readonly PolicyProblem[] =>
  checkPolicyObjects({ objects: Array.from(objects, policyObjectOf), adapters: adapterForms });

/** Fields of an object that name another one, which may come later. */
const references: ReadonlySet<string> = new Set(['spec.adapter', 'spec.template']);

const isWaiting = (problem: PolicyProblem): boolean =>
  isAboutAnother(problem) ||
  references.has(problem.diagnostic.field ?? '') ||
  (problem.object.startsWith('adapter/') && problem.diagnostic.code === 'unknown-template');

interface Mistake {
  readonly key: ObjectKey;
  readonly diagnostic: Diagnostic;
}

/** What is wrong with objects themselves; what they lack of each other is left to the analysis. */
export const findMistakes = (objects: Iterable<CompiledObject>): readonly Mistake[] =>
  mistakesAmong(compile(objects));

const mistakesAmong = (problems: readonly PolicyProblem[]): readonly Mistake[] =>
  problems
    .filter((problem) => problem.diagnostic.severity === 'error' && !isWaiting(problem))
    .map(({ object, diagnostic }) => ({ key: keyIn(object), diagnostic }));

function keyIn(text: string): ObjectKey {
  const [kind = '', namespace = '', name = ''] = text.split('/');
  return objectKey(kind, namespace, name);
}

export const isCompiledObject = (object: AnyObject): object is CompiledObject => names.has(object.kind);
