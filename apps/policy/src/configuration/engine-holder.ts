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
import type { HeldSecrets } from './held-secrets.ts';

export interface EngineParts {
  readonly adapters: readonly Adapter[];
  readonly clock: EngineClock;
  readonly buildRemote?: PolicyEngineOptions['buildRemote'];
  /** Told of each configuration before it is compiled. */
  readonly secrets?: Pick<HeldSecrets, 'replace' | 'resolve'>;
  /** A configuration is in force. */
  readonly onApplied: (configuration: Configuration, problems: readonly PolicyProblem[]) => void;
  /** What is wrong has changed since, by handlers at work. */
  readonly onProblems?: (revision: number, problems: readonly PolicyProblem[]) => void;
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
  let isBuilt = false;
  const notice = createNotice(() => {
    if (isBuilt) parts.onProblems?.(revision, all());
  });
  const all = (): readonly PolicyProblem[] => [...problems, ...problemsAtWork(engine, problems)];
  const built = await build(first, parts, { onHandlerProblem: notice });
  let engine = built.engine;
  let waiting: Configuration | undefined;
  let work: Promise<void> = Promise.resolve();
  let isClosed = false;
  let { problems } = built;
  let { revision } = first;
  // Workloads come and go without another engine; what could not be compiled is tried again.
  let isStale = false;
  isBuilt = true;
  parts.onApplied(first, all());
  const run = async (): Promise<void> => {
    const configuration = waiting;
    waiting = undefined;
    if (configuration === undefined || isClosed) return;
    try {
      if (isStale) {
        const next = await build(configuration, parts, { previous: engine, onHandlerProblem: notice });
        isStale = false;
        engine.close().catch(parts.onFault);
        ({ engine, problems } = next);
      }
      revision = configuration.revision;
      parts.onApplied(configuration, all());
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
  { revision, rootNamespace, objects, secrets: contents }: Configuration,
  { adapters, clock, buildRemote, secrets }: EngineParts,
  rest: Pick<PolicyEngineOptions, 'previous' | 'onHandlerProblem'>,
) => {
  secrets?.replace(contents);
  const resolved = [...objects.values()].map((object) => secrets?.resolve(object) ?? object);
  return createPolicyEngine({
    ...{ revision, rootNamespace, adapters, clock },
    objects: resolved,
    ...(buildRemote === undefined ? {} : { buildRemote }),
    ...rest,
  });
};

const noticeMs = 200;

/** Calls back soon, once for all that comes until then. */
function createNotice(tell: () => void): () => void {
  let timer: NodeJS.Timeout | undefined;
  return () => {
    timer ??= setTimeout(() => {
      timer = undefined;
      tell();
    }, noticeMs);
    timer.unref();
  };
}

const ofHandler = '.handler.';

/** What handlers say is wrong with their backends, unless it is known already. */
function problemsAtWork(engine: PolicyEngine, known: readonly PolicyProblem[]): readonly PolicyProblem[] {
  return engine.inspect().handlers.flatMap(({ name, problem }) => {
    const at = name.lastIndexOf(ofHandler);
    const object = `handler/${name.slice(at + ofHandler.length)}/${name.slice(0, at)}` as const;
    if (problem === undefined || known.some((each) => each.object === object)) return [];
    const remedy = 'mend its backend; until then its rules fail as they say, or go on with what it had last';
    const code = 'handler-unwell';
    return [{ object, diagnostic: { severity: 'error', code, message: problem, remedy, field: 'spec' } }];
  });
}

export const systemClock: EngineClock = {
  now: Date.now,
  after(milliseconds, callback) {
    const timer = setTimeout(callback, milliseconds);
    return () => clearTimeout(timer);
  },
  random: Math.random,
};
