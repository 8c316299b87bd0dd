// What is wrong with objects that were accepted: the one place that status, `apply` and `--wait` ask.
import type { ObjectKey } from '@xebec/model';
import type { Pipeline } from '../pipeline.ts';
import { filterProblems, type ObjectProblem } from './filter-problems.ts';

export interface ObjectHealth {
  problems(key: ObjectKey): readonly ObjectProblem[];
  /** Every object that has problems. */
  unwell(): readonly (ObjectProblem & { readonly object: ObjectKey })[];
  /** Resolves when what was written so far has been checked, or after `limitMs`. */
  settled(limitMs: number): Promise<void>;
  readonly isSettled: () => boolean;
  /** `off`: there is no Envoy to check patched configuration with. */
  readonly patchChecks: () => 'on' | 'off' | 'unknown';
  /** Objects of which not the newest value is in force. */
  readonly heldObjects: () => number;
}

interface Settling {
  settled(limitMs: number): Promise<void>;
  readonly isSettled: () => boolean;
}

export function createObjectHealth(
  pipeline: Pipeline,
  { checks, isChecking }: { readonly checks: Settling; readonly isChecking: () => boolean | undefined },
): ObjectHealth {
  const problems = (key: ObjectKey): readonly ObjectProblem[] =>
    key.startsWith('EnvoyFilter/') ? filterProblems(pipeline, key) : [];
  return {
    problems,
    unwell: () =>
      [...pipeline.store.source('EnvoyFilter').keys()].flatMap((object) =>
        problems(object).map((problem) => ({ ...problem, object })),
      ),
    settled: (limitMs) => checks.settled(limitMs),
    isSettled: checks.isSettled,
    patchChecks: () => (({ true: 'on', false: 'off', undefined: 'unknown' }) as const)[`${isChecking()}`],
    heldObjects: () => pipeline.patchGate?.held.size ?? 0,
  };
}
