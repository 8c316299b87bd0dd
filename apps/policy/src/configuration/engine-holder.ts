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
  /** Of the configuration in force. */
  readonly revision: number;
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
  let { problems } = built;
  let { revision } = first;
  // Workloads come and go without another engine; what could not be compiled is tried again.
  let isStale = false;
  parts.onApplied(first, problems);
  const run = async (): Promise<void> => {
    const configuration = waiting;
    waiting = undefined;
    if (configuration === undefined || isClosed) return;
    try {
      if (isStale) {
        const next = await build(configuration, parts, engine);
        isStale = false;
        engine.close().catch(parts.onFault);
        ({ engine, problems } = next);
      }
      revision = configuration.revision;
      parts.onApplied(configuration, problems);
    } catch (error) {
      parts.onFault(error);
    }
  };
  return {
    get engine() {
      return engine;
    },
    get revision() {
      return revision;
    },
    apply(configuration) {
      isStale ||= configuration.hasNewObjects;
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
