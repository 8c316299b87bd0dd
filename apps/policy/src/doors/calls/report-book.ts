// Which reports were taken, by the deduplication ids of their callers. Rule: the first try with an id is the report, all others get its answer; bounded in number and time.
import { isRefusal, type Refusal } from '../rpc/refusal.ts';
import type { Reported } from './policy-calls.ts';

type Answer = Promise<Reported | Refusal>;

export interface ReportBookLimits {
  /** Milliseconds. */
  readonly rememberedMs: number;
  readonly reports: number;
}

const defaults: ReportBookLimits = { rememberedMs: 600_000, reports: 65_536 };

export class ReportBook {
  readonly #taken = new Map<string, { readonly answer: Answer; readonly untilMs: number }>();
  readonly #now: () => number;
  readonly #limits: ReportBookLimits;

  constructor(now: () => number, limits: Partial<ReportBookLimits> = {}) {
    this.#now = now;
    this.#limits = { ...defaults, ...limits };
  }

  /** Takes a report unless one with this id was taken; without an id it is a report of its own. */
  async once(id: string, take: () => Answer): Promise<(Reported & { readonly isRepeated?: true }) | Refusal> {
    if (id === '') return take();
    const known = this.#taken.get(id);
    if (known !== undefined && known.untilMs >= this.#now()) {
      const answer = await known.answer;
      return isRefusal(answer) ? answer : { ...answer, isRepeated: true };
    }
    this.#taken.delete(id);
    const answer = take();
    this.#taken.set(id, { answer, untilMs: this.#now() + this.#limits.rememberedMs });
    this.#forgetOldest();
    const taken = await answer;
    // What was refused was not taken, and may be tried again.
    if (isRefusal(taken)) this.#taken.delete(id);
    return taken;
  }

  #forgetOldest(): void {
    for (const [id, { untilMs }] of this.#taken) {
      if (this.#taken.size <= this.#limits.reports && untilMs >= this.#now()) return;
      this.#taken.delete(id);
    }
  }
}
