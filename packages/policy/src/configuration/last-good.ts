// Compiles a configuration next to the one in force. Rule: where an object is wrong and an earlier one was good, the earlier one stays, and the newer is named.
import type { Diagnostic } from '@xebec/std';
import { isAboutAnother } from './check-policy-objects.ts';
import { type CompileOptions, compilePolicy } from './compile-policy.ts';
import type { CompiledPolicy } from './compiled.ts';
import { type PolicyObject, type PolicyProblem, policyObjectKey } from './policy-object.ts';

export interface CompiledWithLastGood {
  readonly policy: CompiledPolicy;
  /** Those in force, by key. */
  readonly objects: ReadonlyMap<string, PolicyObject>;
  readonly problems: readonly PolicyProblem[];
}

export function compileWithLastGood(
  written: Iterable<PolicyObject>,
  before: ReadonlyMap<string, PolicyObject> | undefined,
  options: Omit<CompileOptions, 'objects'>,
): CompiledWithLastGood {
  const objects = new Map([...written].map((object) => [policyObjectKey(object) as string, object]));
  const policy = compilePolicy({ ...options, objects: objects.values() });
  const replaced = new Set<string>();
  for (const problem of policy.problems) {
    const earlier = before?.get(problem.object);
    if (earlier === undefined || earlier === objects.get(problem.object)) continue;
    if (problem.diagnostic.severity === 'error' && !isAboutAnother(problem)) replaced.add(problem.object);
  }
  if (before === undefined || replaced.size === 0) return { policy, objects, problems: policy.problems };
  const inForce = new Map(objects);
  for (const key of replaced) {
    const earlier = before.get(key);
    if (earlier !== undefined) inForce.set(key, earlier);
  }
  const mended = compilePolicy({ ...options, objects: inForce.values() });
  const kept = policy.problems.filter(({ object }) => replaced.has(object)).map(explain);
  const others = mended.problems.filter(({ object }) => !replaced.has(object));
  return { policy: mended, objects: inForce, problems: [...kept, ...others] };
}

const explain = ({ object, diagnostic }: PolicyProblem): PolicyProblem => ({
  object,
  diagnostic: keep(diagnostic),
});

const keep = (diagnostic: Diagnostic): Diagnostic => ({
  ...diagnostic,
  message: `${diagnostic.message} (the last good one stays in force)`,
});
