// The engine in force: compiled from each configuration in turn, replaced between two calls, the one before closed when its calls have ended.
import {
  type Adapter,
  createPolicyEngine,
  type EngineClock,
  type PolicyEngine,
  type PolicyEngineOptions,
  type PolicyProblem,
} from '@xebec/policy';
import type { Configuration } from './configuration.ts';

export interface EngineParts {
  readonly adapters: readonly Adapter[];
  readonly clock: EngineClock;
  readonly buildRemote?: PolicyEngineOptions['buildRemote'];
  /** A configuration is in force. */
  readonly onApplied: (configuration: Configuration, problems: readonly PolicyProblem[]) => void;
  readonly onFault: (error: unknown) => void;
}

export interface EngineHolder {
  readonly engine: PolicyEngine;
  /** One after the other; of several that wait only the last is compiled. */
  apply(configuration: Configuration): void;
  /** Resolves once nothing waits. */
  settled(): Promise<void>;
  close(): Promise<void>;
}

export async function openEngine(first: Configuration, parts: EngineParts): Promise<EngineHolder> {
  const built = await build(first, parts, undefined);
  let engine = built.engine;
  let waiting: Configuration | undefined;
  let work: Promise<void> = Promise.resolve();
  let isClosed = false;
  parts.onApplied(first, built.problems);
  const run = async (): Promise<void> => {
    const configuration = waiting;
    waiting = undefined;
    if (configuration === undefined || isClosed) return;
    try {
      const next = await build(configuration, parts, engine);
      const before = engine;
      engine = next.engine;
      parts.onApplied(configuration, next.problems);
      before.close().catch(parts.onFault);
    } catch (error) {
      parts.onFault(error);
    }
  };
  return {
    get engine() {
      return engine;
    },
    apply(configuration) {
      waiting = configuration;
      work = work.then(run);
    },
    settled: () => work,
    async close() {
      isClosed = true;
      await work;
      await engine.close();
    },
  };
}

const build = (
  { revision, rootNamespace, objects }: Configuration,
  { adapters, clock, buildRemote }: EngineParts,
  previous: PolicyEngine | undefined,
) =>
  createPolicyEngine({
    ...{ revision, rootNamespace, adapters, clock },
    objects: objects.values(),
    ...(buildRemote === undefined ? {} : { buildRemote }),
    ...(previous === undefined ? {} : { previous }),
  });

export const systemClock: EngineClock = {
  now: Date.now,
  after(milliseconds, callback) {
    const timer = setTimeout(callback, milliseconds);
    return () => clearTimeout(timer);
  },
  random: Math.random,
};
