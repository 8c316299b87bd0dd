// Which of the calls that a rule matches are reported. Rule: the same request is taken or left by every rule of the same percentage, unless a rule asks for chance of its own.
import { hashText } from '@xebec/std';
import type { CompiledRule, CompiledSampling } from '../configuration/compiled.ts';
import type { Expression } from '../expressions/expression.ts';
import type { CallSource } from './call-source.ts';
import type { EngineClock } from './options.ts';

interface Window {
  startedAt: number;
  seen: number;
}

export class RuleSamplers {
  readonly #clock: EngineClock;
  readonly #windows = new Map<string, Window>();

  constructor(clock: EngineClock) {
    this.#clock = clock;
  }

  isTaken(rule: CompiledRule, source: CallSource): boolean {
    const { sampling } = rule;
    if (sampling === undefined) return true;
    if (sampling.random !== undefined) {
      const { percent, attribute, useIndependentRandomness } = sampling.random;
      const place = useIndependentRandomness ? this.#clock.random() : this.#placeOf(source, attribute);
      if (place * 100 >= percent) return false;
    }
    return sampling.rateLimit === undefined || this.#isWithinRate(rule.name, sampling.rateLimit);
  }

  /** From 0 up to 1, the same for the same value. */
  #placeOf(source: CallSource, attribute: Expression | undefined): number {
    const result = attribute?.evaluate(source);
    const id = result?.ok ? String(result.value) : source.get('request.id');
    if (typeof id !== 'string' || id === '') return this.#clock.random();
    return Number.parseInt(hashText(id).slice(0, 8), 16) / 0x1_0000_0000;
  }

  /** The first so many of a time span, then one of so many. */
  #isWithinRate(name: string, rate: NonNullable<CompiledSampling['rateLimit']>): boolean {
    const now = this.#clock.now();
    let window = this.#windows.get(name);
    if (window === undefined || now - window.startedAt >= rate.samplingDurationMs) {
      window = { startedAt: now, seen: 0 };
      this.#windows.set(name, window);
    }
    window.seen++;
    const beyond = window.seen - rate.maxUnsampledEntries;
    if (beyond <= 0) return true;
    return rate.samplingRate > 0 && beyond % rate.samplingRate === 0;
  }
}
