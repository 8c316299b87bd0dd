// What each rule did. Counts go on when a configuration changes and the rule stays.
import type { CompiledRule } from '../configuration/compiled.ts';
import type { RuleReport } from './engine.ts';

export interface RuleCounter {
  matched: number;
  denied: number;
  failed: number;
  unsampled: number;
}

export class RuleCounters {
  readonly #byName = new Map<string, RuleCounter>();
  readonly #rules: readonly CompiledRule[];

  constructor(rules: readonly CompiledRule[], previous?: RuleCounters) {
    this.#rules = rules;
    for (const { name } of rules) {
      this.#byName.set(name, previous?.known(name) ?? { matched: 0, denied: 0, failed: 0, unsampled: 0 });
    }
  }

  known(name: string): RuleCounter | undefined {
    return this.#byName.get(name);
  }

  of(rule: CompiledRule): RuleCounter {
    return this.#byName.get(rule.name) ?? { matched: 0, denied: 0, failed: 0, unsampled: 0 };
  }

  report(): readonly RuleReport[] {
    return this.#rules.map((rule) => ({
      name: rule.name,
      ...(rule.origin === undefined ? {} : { origin: rule.origin }),
      failurePolicy: rule.failurePolicy,
      ...this.of(rule),
    }));
  }
}
