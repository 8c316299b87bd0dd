// Decisions that hold for some time and some uses.
import type { Attributes, CheckResponse } from '@xebec/protos/xebec/policy/v1/policy_pb';
import { AnswersByReference } from './shapes.ts';

interface KeptDecision {
  readonly response: CheckResponse;
  readonly untilMs: number;
  usesLeft: number;
}

export class DecisionCache {
  readonly #answers: AnswersByReference<KeptDecision>;
  readonly #now: () => number;

  constructor(mostEntries: number, now: () => number) {
    this.#answers = new AnswersByReference({ mostEntries });
    this.#now = now;
  }

  /** Uses it once. */
  use(attributes: Attributes): CheckResponse | undefined {
    const now = this.#now();
    const kept = this.#answers.find(attributes, ({ untilMs, usesLeft }) => now < untilMs && usesLeft > 0);
    if (kept === undefined) return undefined;
    kept.usesLeft -= 1;
    return kept.response;
  }

  /** The answer was used once by being asked for. `askedMs`: when; the service's time began later. */
  keep(attributes: Attributes, response: CheckResponse, askedMs: number): void {
    const { validDuration, validUseCount, references } = response;
    const validMs =
      validDuration === undefined ? 0 : Number(validDuration.seconds) * 1_000 + validDuration.nanos / 1e6;
    if (validMs <= 0 || validUseCount <= 1) return;
    this.#answers.keep(attributes, references, {
      response,
      untilMs: askedMs + validMs,
      usesLeft: validUseCount - 1,
    });
  }
}
