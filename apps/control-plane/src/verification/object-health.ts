// What is wrong with objects that were accepted: the one place that status, `apply` and `--wait` ask.
import type { ObjectKey } from '@xebec/model';
import type { StreamStatus } from '@xebec/xds';
import type { Pipeline } from '../pipeline.ts';
import { policyProblems } from '../policy/policy-problems.ts';
import type { PolicyServices } from '../policy/policy-services.ts';
import type { Bootstraps } from './bootstraps.ts';
import { extensionProblems } from './extension-problems.ts';
import { filterProblems, type ObjectProblem } from './filter-problems.ts';
import { bootstrapProblem, heldObjectProblem, refusedObjectProblems } from './refusal-problems.ts';
import type { HeldObject, RefusedObjects } from './refused-objects.ts';
import type { Settling } from './settling.ts';

export interface ObjectHealth extends Settling {
  problems(key: ObjectKey): readonly ObjectProblem[];
  /** Every object that has problems. */
  unwell(): readonly (ObjectProblem & { readonly object: ObjectKey })[];
  /** Objects that a proxy refused and that are held since. */
  heldFrom(client: string): readonly HeldObject[];
  /** `off`: there is no Envoy to check patched configuration with. */
  readonly patchChecks: () => 'on' | 'off' | 'unknown';
  /** Objects of which not the newest value is in force. */
  readonly heldObjects: () => number;
}

export interface ObjectHealthOptions {
  readonly pipeline: Pipeline;
  readonly policyServices: PolicyServices;
  readonly verifier: Settling;
  readonly refused: RefusedObjects;
  readonly bootstraps: Bootstraps;
  readonly statuses: () => readonly StreamStatus[];
  readonly isChecking: () => boolean | undefined;
}

export function createObjectHealth(options: ObjectHealthOptions): ObjectHealth {
  const { pipeline, policyServices, verifier, refused, bootstraps, isChecking } = options;
  const { store, patchGate } = pipeline;
  const refusals = rememberShortly(() => refusedObjectProblems(store, options.statuses()));
  const problems = (key: ObjectKey): readonly ObjectProblem[] => {
    const held = refused.held(key);
    const atStart = bootstraps.refused(key);
    return [
      ...(key.startsWith('EnvoyFilter/') ? filterProblems(pipeline, key) : []),
      ...extensionProblems(pipeline, key),
      ...policyProblems(policyServices, store, key),
      ...(atStart === undefined ? [] : [bootstrapProblem(store, atStart)]),
      ...(held === undefined ? (refusals().get(key) ?? []) : [heldObjectProblem(store, held)]),
    ];
  };
  const concerned = (): Iterable<ObjectKey> =>
    new Set([
      ...pipeline.store.source('EnvoyFilter').keys(),
      ...pipeline.mesh.extensions.keys(),
      ...refused.all().map(({ key }) => key),
      ...refusals().keys(),
      ...policyServices.unwell(),
    ]);
  return {
    problems,
    unwell: () =>
      [...concerned()].flatMap((object) => problems(object).map((problem) => ({ ...problem, object }))),
    heldFrom: (client) => refused.all().filter(({ proxies }) => proxies.includes(client)),
    settled: async (limitMs) => {
      await Promise.all([verifier.settled(limitMs), refused.settled(limitMs)]);
    },
    isSettled: () => verifier.isSettled() && refused.isSettled(),
    patchChecks: () => (({ true: 'on', false: 'off', undefined: 'unknown' }) as const)[`${isChecking()}`],
    heldObjects: () => (patchGate?.held.size ?? 0) + refused.all().length,
  };
}

const rememberedMs = 100;

/** A list of objects asks the same for each of them. */
function rememberShortly<T>(compute: () => T): () => T {
  let known: { readonly value: T; readonly atMs: number } | undefined;
  return () => {
    const nowMs = performance.now();
    if (known === undefined || nowMs - known.atMs > rememberedMs) known = { value: compute(), atMs: nowMs };
    return known.value;
  };
}
