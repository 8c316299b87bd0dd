// A quota as somebody wrote it: what it allows in general, and what for some.
import type { Limit } from '../limit.ts';

export interface LimitOverride {
  /** Dimensions that have to be there with these values. */
  readonly dimensions: ReadonlyMap<string, string>;
  readonly limit: Limit;
}

export interface QuotaDefinition {
  /** Of the instance: `requestcount.instance.istio-system`. */
  readonly name: string;
  readonly limit: Limit;
  /** The first that fits is used. */
  readonly overrides: readonly LimitOverride[];
  /** Proxies may decide by parts handed out in advance. */
  readonly isBestEffort?: true;
}

/** What holds for these dimensions. */
export function limitFor(definition: QuotaDefinition, dimensions: ReadonlyMap<string, string>): Limit {
  const fitting = definition.overrides.find((override) =>
    [...override.dimensions].every(([name, value]) => dimensions.get(name) === value),
  );
  return fitting?.limit ?? definition.limit;
}

/** Overrides that name more dimensions first: the most specific one is then the first that fits. */
export const mostSpecificFirst = (overrides: readonly LimitOverride[]): readonly LimitOverride[] =>
  [...overrides].sort((a, b) => b.dimensions.size - a.dimensions.size);
