// Compiles rules: match, actions and header operations. Rule: what cannot be used becomes a fault of the rule and, in its place, an action that fails.

import type { RuleSampling } from '@xebec/config';
import { quote, suggestion } from '@xebec/config/decode';
import type { Vocabulary } from '../attributes/vocabulary.ts';
import type { Expression, ExpressionLanguage } from '../expressions/expression.ts';
import { standardTemplates } from '../templates/catalog.ts';
import { type Phase, phaseOf } from '../templates/variety.ts';
import type { HandlerOutcome } from './compile-handler.ts';
import { compileHeaders } from './compile-headers.ts';
import type { InstanceOutcome } from './compile-instance.ts';
import { withOutput } from './compile-instance.ts';
import type { CompiledAction, CompiledRule, CompiledSampling, CompileText } from './compiled.ts';
import { collectFaults, type Faults } from './faults.ts';
import { candidates, fullName, resolve, shortName } from './names.ts';
import type { PolicyObjectOf } from './policy-object.ts';

export interface RuleScope {
  readonly compile: CompileText;
  readonly vocabulary: Vocabulary;
  /** By full name; also those that are wrong. */
  readonly handlers: ReadonlyMap<string, HandlerOutcome>;
  readonly instances: ReadonlyMap<string, InstanceOutcome>;
}

export interface RuleOutcome {
  /** When its match cannot be used, one whose match always fails: what it guards stays guarded. */
  readonly rule: CompiledRule;
  readonly faults: Faults;
}

export function compileRule(object: PolicyObjectOf<'rule'>, scope: RuleScope): RuleOutcome {
  const faults = collectFaults(object.origin);
  const { spec } = object;
  const language = object.language ?? object.spec.language ?? 'istio';
  const match = compileMatch(spec.match, { scope, language, faults });
  const problem = faults.hasErrors ? faults.list[0]?.message : undefined;
  const actions = spec.actions.flatMap((_, index) => compileAction(object, index, { scope, faults }));
  const headers = compileHeaders(spec, {
    compile: scope.compile,
    vocabulary: outputsOf(actions, scope.vocabulary),
    language,
    faults,
  });
  const sampling = compileSampling(spec.sampling, { scope, language, faults });
  const rule: CompiledRule = {
    name: fullName(object.name, 'rule', object.namespace),
    namespace: object.namespace,
    ...(object.origin === undefined ? {} : { origin: object.origin }),
    failurePolicy: spec.failurePolicy ?? defaultPolicy(actions),
    ...withMatch(problem === undefined ? match : unusable(spec.match, language, problem)),
    actions,
    ...headers,
    ...(sampling === undefined ? {} : { sampling }),
  };
  return { rule, faults };
}

const withMatch = (match: Expression | undefined): { match?: Expression } =>
  match === undefined ? {} : { match };

const unusable = (text: string, language: ExpressionLanguage, problem: string): Expression => ({
  ...{ text, language, type: 'BOOL', mentions: [] },
  evaluate: () => ({ ok: false, problem }),
});

const defaultPolicy = (actions: readonly CompiledAction[]): CompiledRule['failurePolicy'] =>
  actions.length > 0 && actions.every(({ phase }) => phase === 'REPORT') ? 'open' : 'close';

function compileSampling(
  sampling: RuleSampling | undefined,
  { scope, language, faults }: Context & { language: ExpressionLanguage },
): CompiledSampling | undefined {
  if (sampling === undefined) return undefined;
  const { random, rateLimit } = sampling;
  const rate = rateLimit === undefined ? {} : { rateLimit };
  if (random === undefined) return rate;
  const { percent, useIndependentRandomness } = random;
  if (random.attribute === '') return { ...rate, random: { percent, useIndependentRandomness } };
  const compiled = scope.compile(random.attribute, scope.vocabulary, language);
  if (!compiled.ok) faults.adopt(['spec', 'sampling', 'random', 'attribute'], compiled.diagnostics);
  const attribute = compiled.ok ? { attribute: compiled.value } : {};
  return { ...rate, random: { percent, ...attribute, useIndependentRandomness } };
}

interface Context {
  readonly scope: RuleScope;
  readonly faults: Faults;
}

function compileMatch(
  written: string,
  { scope, language, faults }: Context & { language: ExpressionLanguage },
): Expression | undefined {
  const text = written.trim();
  if (text === '' || text === 'true') return undefined;
  const path = ['spec', 'match'];
  const compiled = scope.compile(written, scope.vocabulary, language);
  if (!compiled.ok) {
    faults.adopt(path, compiled.diagnostics);
    return undefined;
  }
  if (compiled.value.type === 'BOOL') return compiled.value;
  const message = `must be BOOL, is ${compiled.value.type}`;
  faults.add(path, { code: 'wrong-type', message, remedy: 'compare it with something: ==' });
  return undefined;
}

function compileAction(
  object: PolicyObjectOf<'rule'>,
  index: number,
  context: Context,
): readonly CompiledAction[] {
  const action = object.spec.actions[index];
  if (action === undefined) return [];
  const path = ['spec', 'actions', index];
  const handler = findHandler(action.handler, { namespace: object.namespace, path, context });
  const seen = new Set<string>();
  return action.instances.flatMap((written, at): readonly CompiledAction[] => {
    const place = [...path, 'instances', at];
    const found = findInstance(written, { namespace: object.namespace, path: place, context });
    const repeated = found.instance !== undefined && seen.has(found.instance.name);
    if (found.instance !== undefined) seen.add(found.instance.name);
    if (repeated) {
      const message = `${quote(written)} is named twice in one action`;
      context.faults.add(place, { code: 'duplicate', message, remedy: 'keep one' });
      return [];
    }
    const base = { handler: handler.name, name: action.name };
    const unfit =
      found.instance === undefined ? undefined : unfitness(found.instance, handler, place, context);
    const problem = handler.problem ?? found.problem ?? unfit;
    const phase = found.phase ?? phaseOfHandler(handler);
    if (phase === undefined) return [];
    if (problem !== undefined || found.instance === undefined) {
      return [{ ...base, phase, problem: problem ?? 'the instance cannot be used' }];
    }
    return [{ ...base, phase, instance: found.instance }];
  });
}

interface Place {
  readonly namespace: string;
  readonly path: readonly (string | number)[];
  readonly context: Context;
}

interface FoundHandler {
  readonly name: string;
  readonly outcome?: HandlerOutcome;
  readonly problem?: string;
}

function findHandler(written: string, { namespace, path, context }: Place): FoundHandler {
  const reference = { text: written, kind: 'handler', namespace };
  const { handlers } = context.scope;
  const outcome = resolve(reference, handlers);
  const [first = written] = candidates(reference);
  const place = [...path, 'handler'];
  if (outcome === undefined) {
    const known = [...handlers.keys()].map(shortName);
    const problem = `there is no handler ${quote(written)}`;
    context.faults.add(place, {
      code: 'unknown-handler',
      message: problem,
      remedy: suggestion(written, known),
    });
    return { name: first, problem };
  }
  const name = candidates(reference).find((full) => handlers.get(full) === outcome) ?? first;
  if (outcome.draft !== undefined) return { name, outcome };
  const problem = `the handler ${quote(written)} cannot be used`;
  context.faults.add(place, { code: 'unusable-handler', message: problem, remedy: 'mend the handler' });
  return { name, outcome, problem };
}

interface FoundInstance {
  readonly instance?: NonNullable<InstanceOutcome['instance']>;
  readonly phase?: Phase;
  readonly problem?: string;
}

function findInstance(written: string, { namespace, path, context }: Place): FoundInstance {
  const { instances } = context.scope;
  const outcome = resolve({ text: written, kind: 'instance', namespace }, instances);
  if (outcome === undefined) {
    const problem = `there is no instance ${quote(written)}`;
    const remedy = suggestion(written, [...instances.keys()].map(shortName));
    context.faults.add(path, { code: 'unknown-instance', message: problem, remedy });
    return { problem };
  }
  const phase = outcome.template === undefined ? {} : { phase: phaseOf(outcome.template) };
  if (outcome.instance !== undefined) return { instance: outcome.instance, ...phase };
  const problem = `the instance ${quote(written)} cannot be used`;
  context.faults.add(path, { code: 'unusable-instance', message: problem, remedy: 'mend the instance' });
  return { problem, ...phase };
}

/** An adapter gets only instances of templates that it takes. */
function unfitness(
  instance: NonNullable<InstanceOutcome['instance']>,
  handler: FoundHandler,
  path: readonly (string | number)[],
  { faults }: Context,
): string | undefined {
  const adapter = handler.outcome?.draft?.adapter;
  const { name } = instance.template;
  if (adapter === undefined || adapter.templates.includes('*') || adapter.templates.includes(name)) {
    return undefined;
  }
  const message = `the adapter ${quote(adapter.name)} takes no ${name}`;
  const remedy = `send it instances of ${adapter.templates.join(', ')}`;
  faults.add(path, { code: 'template-not-taken', message, remedy });
  return message;
}

/** Where the instance is not known: what the handler would be asked for, when all its templates agree. */
function phaseOfHandler({ outcome }: FoundHandler): Phase | undefined {
  const templates = outcome?.draft?.adapter.templates ?? [];
  const phases = new Set(templates.map((name) => standardTemplates.get(name)).map((t) => t && phaseOf(t)));
  return phases.size === 1 ? [...phases][0] : phases.has('CHECK') ? 'CHECK' : undefined;
}

/** Header operations may use what named actions give back. */
function outputsOf(actions: readonly CompiledAction[], vocabulary: Vocabulary): Vocabulary {
  let extended = vocabulary;
  for (const { name, instance } of actions) {
    const output = instance?.template.output;
    if (name !== '' && output !== undefined && instance?.template.variety === 'CHECK_WITH_OUTPUT') {
      extended = withOutput(extended, output, `${name}.output`);
    }
  }
  return extended;
}
