// One finding that there may be. Codes are stable and never used again for something else.
export type Gravity = 'error' | 'warning' | 'info';

export interface FindingRule {
  /** `IST0101`, `XB0101`. */
  readonly code: string;
  /** One word for it: Istio's where the code is. */
  readonly name: string;
  readonly severity: Gravity;
  readonly meaning: string;
  readonly remedy: string;
  /** What exactly may have been found; each belongs to one rule only. A finding says which in `reason`. */
  readonly reasons: readonly string[];
  /** Of reasons that are more or less grave than the rule. */
  readonly severities?: Readonly<Record<string, Gravity>>;
}
