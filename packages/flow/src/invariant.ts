// The error of a broken promise: a bug in the graph's user, never an expected failure.

/** A rule of the graph was broken by its user: a write outside `transact`, two inputs for one output key, … */
export class InvariantError extends Error {
  override readonly name = 'InvariantError';
}

export function invariant(condition: boolean, why: string): asserts condition {
  if (!condition) throw new InvariantError(why);
}
