// Invariants: a false one is a bug, so it throws.

/** Throws when an invariant does not hold; `why` says why it should. */
export function assert(condition: unknown, why: string): asserts condition {
  if (!condition) throw new Error(`invariant broken: ${why}`);
}

/** Marks a branch that a closed union makes impossible. */
export function unreachable(value: never): never {
  throw new Error(`impossible case: ${JSON.stringify(value)}`);
}
