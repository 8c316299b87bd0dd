// Makes an engine of a set of objects. Rule: objects that are wrong are left out and named; handlers that did not change go on as they are.
import type { Adapter, Handler, HandlerContext } from '../adapters/sdk.ts';
import type { CompiledPolicy, HandlerPlan } from '../configuration/compiled.ts';
import { compileWithLastGood } from '../configuration/last-good.ts';
import type { PolicyProblem } from '../configuration/policy-object.ts';
import { HandlerSlot } from './handler-slot.ts';
import type { BuiltEngine, EngineLimits, PolicyEngineOptions } from './options.ts';
import { CompiledPolicyEngine } from './policy-engine.ts';
import { RuleCounters } from './rule-counters.ts';
import { indexRules } from './rule-index.ts';
import { RuleSamplers } from './sampling.ts';

const defaultLimits: EngineLimits = {
  buildMs: 3_000,
  handlerTimeoutMs: 2_000,
  failuresToOpen: 5,
  openMs: 5_000,
  callsUnderWay: 1_000,
  queuedInstances: 20_000,
  batchedInstances: 1_000,
  roomMs: 200,
};

/** Never rejects: what is wrong is in `problems`. */
export async function createPolicyEngine(options: PolicyEngineOptions): Promise<BuiltEngine> {
  const adapters = [...options.adapters];
  const { rootNamespace } = options;
  const previous = options.previous instanceof CompiledPolicyEngine ? options.previous.parts : undefined;
  const { objects, policy, problems } = compileWithLastGood(options.objects, previous?.objects, {
    adapters,
    rootNamespace,
  });
  const built = await buildSlots(policy, previous?.slots, { ...options, adapters });
  const parts = {
    policy,
    objects,
    index: indexRules(policy, rootNamespace),
    slots: built.slots,
    counters: new RuleCounters(policy.rules, previous?.counters),
    samplers: new RuleSamplers(options.clock),
    clock: options.clock,
  };
  const engine = new CompiledPolicyEngine(options.revision, parts);
  return { engine, problems: [...problems, ...built.problems] };
}

type BuildOptions = PolicyEngineOptions & { readonly adapters: readonly Adapter[] };

async function buildSlots(
  { handlers }: CompiledPolicy,
  previous: ReadonlyMap<string, HandlerSlot> | undefined,
  options: BuildOptions,
): Promise<{ slots: ReadonlyMap<string, HandlerSlot>; problems: readonly PolicyProblem[] }> {
  const problems: PolicyProblem[] = [];
  const entries = [...handlers].map(async ([name, plan]) => {
    const kept = previous?.get(name);
    if (kept?.plan.signature === plan.signature && kept.isUsable) return [name, kept] as const;
    const slot = new HandlerSlot({
      plan,
      clock: options.clock,
      limits: { ...defaultLimits, ...options.limits },
      build: (context) => build(plan, context, options),
      ...(options.onHandlerProblem === undefined ? {} : { onProblem: options.onHandlerProblem }),
    });
    const problem = await slot.start();
    if (problem === undefined) return [name, slot] as const;
    if (slot.isRefused && kept?.plan.takes === plan.takes && kept.isUsable) {
      problems.push(problemOf(plan, `${problem} (the last good one stays in force)`));
      return [name, kept] as const;
    }
    problems.push(problemOf(plan, problem));
    return [name, slot] as const;
  });
  return { slots: new Map(await Promise.all(entries)), problems };
}

function build(
  { adapter, remote, config, timeoutMs }: HandlerPlan,
  context: HandlerContext,
  { adapters, buildRemote, limits }: BuildOptions,
): Handler | Promise<Handler> {
  if (remote === undefined) {
    const found = adapters.find(({ name }) => name === adapter.name);
    if (found === undefined) throw new Error(`there is no adapter ${adapter.name}`);
    return found.build(config, context);
  }
  if (buildRemote === undefined) throw new Error('adapters outside cannot be called here');
  const limitMs = timeoutMs ?? limits?.handlerTimeoutMs ?? defaultLimits.handlerTimeoutMs;
  return buildRemote({ ...remote, timeoutMs: limitMs, params: config }, context);
}

function problemOf({ name, namespace, origin }: HandlerPlan, message: string): PolicyProblem {
  const own = name.slice(0, -`.handler.${namespace}`.length);
  const place = origin === undefined ? {} : { origin };
  const remedy = 'mend what it needs; it is built again at the next change';
  return {
    object: `handler/${namespace}/${own}`,
    diagnostic: { severity: 'error', code: 'handler-not-built', message, remedy, ...place, field: 'spec' },
  };
}
