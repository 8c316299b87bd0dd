// Max-min fairness: whoever wants little gets it, and the others share the rest by weight.

export interface Demand {
  /** ≥ 0. */
  readonly wanted: number;
  /** > 0. */
  readonly weight: number;
}

export interface Level {
  /** Each may have `level × weight` at least; infinite when all get what they want. */
  readonly level: number;
  /** What nobody wants. */
  readonly spare: number;
}

/** How high `amount` rises when it is poured into all demands at once. */
export function fill(amount: number, demands: Iterable<Demand>): Level {
  const byNeed = [...demands].sort((a, b) => a.wanted / a.weight - b.wanted / b.weight);
  let left = amount;
  let weights = byNeed.reduce((sum, { weight }) => sum + weight, 0);
  for (const { wanted, weight } of byNeed) {
    if (wanted * weights > left * weight) return { level: left / weights, spare: 0 };
    left -= wanted;
    weights -= weight;
  }
  return { level: Number.POSITIVE_INFINITY, spare: Math.max(0, left) };
}
