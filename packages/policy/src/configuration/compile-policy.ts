// Compiles a whole configuration. Rule: one wrong object spoils only what uses it, and is named.

import type { AdapterForm } from '../adapters/sdk.ts';
import { compileApiSpecs } from '../api-specs/compile-api-specs.ts';
import type { Vocabulary } from '../attributes/vocabulary.ts';
import { compileRequestedQuotas } from '../quotas/requests/requested-quotas.ts';
import type { Template } from '../templates/template.ts';
import { readTemplate } from '../templates/user-template.ts';
import { checkApiSpec } from './check-api-spec.ts';
import {
  compileAdapter,
  compileHandler,
  finishHandler,
  type HandlerOutcome,
  type OutsideAdapter,
} from './compile-handler.ts';
import { compileInstance, type InstanceOutcome } from './compile-instance.ts';
import { compileRule } from './compile-rule.ts';
import { compileText } from './compile-text.ts';
import type { CompiledInstance, CompiledPolicy, CompiledRule, HandlerPlan } from './compiled.ts';
import type { Faults } from './faults.ts';
import { fullName } from './names.ts';
import { ofKind } from './of-kind.ts';
import { type PolicyObject, type PolicyProblem, policyObjectKey } from './policy-object.ts';
import { checkPool, poolsAmong } from './pools.ts';
import { readManifests } from './read-manifests.ts';

export interface CompileOptions {
  readonly objects: Iterable<PolicyObject>;
  readonly adapters: Iterable<AdapterForm>;
  readonly rootNamespace: string;
}

export function compilePolicy(options: CompileOptions): CompiledPolicy {
  const written = [...options.objects];
  const pools = poolsAmong(written);
  const objects = [...written, ...pools.objects];
  const problems = new Map<string, PolicyProblem>();
  const note: Note = (object, { list }) => {
    for (const diagnostic of list) {
      const problem = pools.tellOf({ object: policyObjectKey(object), diagnostic });
      problems.set(`${problem.object} ${problem.diagnostic.field} ${problem.diagnostic.code}`, problem);
    }
  };
  const vocabulary = readManifests(ofKind(objects, 'attributemanifest'), note);
  const rules = compileRules(objects, { ...options, vocabulary, note });
  const apiSpecs = compileApiSpecs({
    specs: ofKind(objects, 'HTTPAPISpec'),
    bindings: ofKind(objects, 'HTTPAPISpecBinding'),
    vocabulary,
  });
  for (const object of ofKind(objects, 'HTTPAPISpec')) note(object, checkApiSpec(object, vocabulary));
  for (const object of ofKind(objects, 'QuotaPool')) note(object, checkPool(object, { pools, vocabulary }));
  const requestedQuotas = compileRequestedQuotas({
    specs: ofKind(objects, 'QuotaSpec'),
    bindings: ofKind(objects, 'QuotaSpecBinding'),
    pools: ofKind(objects, 'QuotaPool'),
    vocabulary,
    rootNamespace: options.rootNamespace,
  });
  return { vocabulary, apiSpecs, requestedQuotas, ...rules, problems: [...problems.values()] };
}

interface RuleInputs extends CompileOptions {
  readonly vocabulary: Vocabulary;
  readonly note: Note;
}

function compileRules(
  objects: readonly PolicyObject[],
  { adapters, rootNamespace, vocabulary, note }: RuleInputs,
): Pick<CompiledPolicy, 'rules' | 'handlers'> {
  const templates = compileTemplates(objects, note);
  const compile = compileText;
  const instances = new Map<string, InstanceOutcome>();
  for (const object of ofKind(objects, 'instance')) {
    const outcome = compileInstance(object, { compile, vocabulary, templates });
    note(object, outcome.faults);
    instances.set(fullName(object.name, 'instance', object.namespace), outcome);
  }
  const handlers = compileHandlers(objects, { adapters, templates, note });
  const rules: CompiledRule[] = [];
  for (const object of ofKind(objects, 'rule')) {
    const { rule, faults } = compileRule(object, { compile, vocabulary, handlers, instances });
    note(object, faults);
    rules.push(rule);
  }
  rules.sort(byImportance(rootNamespace));
  return { rules, handlers: plansOf(handlers, rules) };
}

export type Note = (object: PolicyObject, faults: Faults) => void;

function compileTemplates(objects: readonly PolicyObject[], note: Note): ReadonlyMap<string, Template> {
  const templates = new Map<string, Template>();
  for (const object of ofKind(objects, 'template')) {
    const { template, faults } = readTemplate(object);
    note(object, faults);
    if (template !== undefined) templates.set(fullName(object.name, 'template', object.namespace), template);
  }
  return templates;
}

interface HandlerInputs {
  readonly adapters: Iterable<AdapterForm>;
  readonly templates: ReadonlyMap<string, Template>;
  readonly note: Note;
}

function compileHandlers(
  objects: readonly PolicyObject[],
  { adapters, templates, note }: HandlerInputs,
): ReadonlyMap<string, HandlerOutcome> {
  const outside = new Map<string, OutsideAdapter>();
  for (const object of ofKind(objects, 'adapter')) {
    const { adapter, faults } = compileAdapter(object, templates);
    note(object, faults);
    if (adapter !== undefined) outside.set(fullName(object.name, 'adapter', object.namespace), adapter);
  }
  const inside = new Map<string, AdapterForm>();
  for (const adapter of adapters) {
    for (const name of [adapter.name, ...(adapter.aliases ?? [])]) inside.set(name, adapter);
  }
  const handlers = new Map<string, HandlerOutcome>();
  for (const object of ofKind(objects, 'handler')) {
    const outcome = compileHandler(object, { adapters: inside, outside });
    note(object, outcome.faults);
    handlers.set(fullName(object.name, 'handler', object.namespace), outcome);
  }
  return handlers;
}

/** Only handlers that get something are built. */
function plansOf(
  handlers: ReadonlyMap<string, HandlerOutcome>,
  rules: readonly CompiledRule[],
): ReadonlyMap<string, HandlerPlan> {
  const instances = new Map<string, Map<string, CompiledInstance>>();
  for (const { handler, instance } of rules.flatMap(({ actions }) => actions)) {
    if (instance === undefined) continue;
    const known = instances.get(handler) ?? new Map<string, CompiledInstance>();
    instances.set(handler, known.set(instance.name, instance));
  }
  const plans = new Map<string, HandlerPlan>();
  for (const [name, used] of instances) {
    const draft = handlers.get(name)?.draft;
    if (draft !== undefined) plans.set(name, finishHandler(draft, used));
  }
  return plans;
}

const byImportance =
  (rootNamespace: string) =>
  (left: CompiledRule, right: CompiledRule): number => {
    const first = Number(right.namespace === rootNamespace) - Number(left.namespace === rootNamespace);
    if (first !== 0) return first;
    return left.name < right.name ? -1 : Number(left.name > right.name);
  };
