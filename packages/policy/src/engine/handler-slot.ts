// One handler while it lives: built once, called with a time-out, kept from being called while it fails, closed once when no configuration has it any more. A failure of it is a value; nothing it throws gets out.
import type { Handler, HandlerContext } from '../adapters/sdk.ts';
import type { HandlerPlan } from '../configuration/compiled.ts';
import type { Instance } from '../templates/template.ts';
import { Circuit } from './circuit.ts';
import type { HandlerReport } from './engine.ts';
import type { EngineClock, EngineLimits } from './options.ts';
import { ReportQueue } from './report-queue.ts';

export type Answer<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly problem: string };

export interface SlotOptions {
  readonly plan: HandlerPlan;
  readonly clock: EngineClock;
  readonly limits: EngineLimits;
  build(context: HandlerContext): Handler | Promise<Handler>;
  /** What is wrong with it has changed. */
  onProblem?(): void;
}

export class HandlerSlot {
  readonly plan: HandlerPlan;
  readonly queue: ReportQueue;
  readonly #options: SlotOptions;
  readonly #circuit: Circuit;
  #handler: Handler | undefined;
  #buildProblem: string | undefined = 'is not built yet';
  #isClosed = false;
  #isRefused = false;
  #problem: string | undefined;
  #users = 0;
  #underWay = 0;
  #counts = { calls: 0, errors: 0, timeouts: 0, latencySumMs: 0 };
  /** Of a call that was answered at once: nobody waits for its signal, so that the next call may have it. */
  #spare: AbortController | undefined;
  /** What the handler says of the batch under way. */
  #batch = { lost: 0, taken: 0 };

  constructor(options: SlotOptions) {
    this.plan = options.plan;
    this.#options = options;
    this.#circuit = new Circuit(options.limits, () => options.clock.now());
    this.queue = new ReportQueue({
      clock: options.clock,
      limits: options.limits,
      deliver: (batch) => this.#deliver(batch),
    });
  }

  /** Never rejects, and does not wait for long: a handler that is not built fails every call until it is. */
  start(): Promise<string | undefined> {
    const { clock, limits } = this.#options;
    return new Promise((resolve) => {
      const cancel = clock.after(limits.buildMs, () => {
        this.#buildProblem = `is not built after ${limits.buildMs} ms`;
        resolve(this.#buildProblem);
      });
      void this.#build().then(() => {
        cancel();
        resolve(this.#buildProblem);
        this.#options.onProblem?.();
      });
    });
  }

  async #build(): Promise<void> {
    try {
      const handler = await this.#options.build(this.#context());
      if (this.#isClosed) return await handler.close?.();
      this.#handler = handler;
      this.#buildProblem = undefined;
    } catch (error) {
      this.#isRefused = true;
      this.#buildProblem = `could not be built: ${messageOf(error)}`;
    }
  }

  /** False: it could not be built, or is closed. */
  get isUsable(): boolean {
    return this.#handler !== undefined;
  }

  /** It cannot be built as it is; one that only takes long may come yet. */
  get isRefused(): boolean {
    return this.#isRefused;
  }

  /** A configuration uses it. */
  retain(): void {
    this.#users++;
  }

  /** A configuration uses it no more; the last one closes it, after what waits was delivered. */
  async release(): Promise<void> {
    this.#users--;
    if (this.#users > 0) return;
    this.#isClosed = true;
    await this.queue.close();
    const handler = this.#handler;
    this.#handler = undefined;
    this.#buildProblem = 'is closed';
    try {
      await handler?.close?.();
    } catch (error) {
      this.#problem = `could not be closed: ${messageOf(error)}`;
    }
  }

  /** Calls the handler. `run` gives undefined when the handler lacks the method. */
  async call<T>(
    run: (handler: Handler, signal: AbortSignal) => T | Promise<T> | undefined,
    signal?: AbortSignal,
  ): Promise<Answer<T>> {
    const handler = this.#handler;
    const refusal = this.#refusal();
    if (handler === undefined || refusal !== undefined) {
      this.#counts.errors++;
      return { ok: false, problem: refusal ?? 'is closed' };
    }
    this.#counts.calls++;
    this.#underWay++;
    const started = this.#options.clock.now();
    const answer = await this.#attempt(handler, run, signal);
    this.#underWay--;
    this.#counts.latencySumMs += Math.max(0, this.#options.clock.now() - started);
    if (answer.ok) this.#circuit.succeeded();
    else if (signal?.aborted !== true) {
      this.#counts.errors++;
      this.#circuit.failed();
    } else this.#circuit.abandoned();
    return answer;
  }

  report(): HandlerReport {
    const problem = this.#buildProblem ?? this.#problem;
    return {
      name: this.plan.name,
      adapter: this.plan.adapter.name,
      ...this.#counts,
      isOpen: this.#circuit.isOpen,
      delivered: this.queue.delivered,
      queued: this.queue.waiting,
      lost: this.queue.lost,
      ...(problem === undefined ? {} : { problem }),
    };
  }

  #refusal(): string | undefined {
    if (this.#buildProblem !== undefined) return this.#buildProblem;
    if (this.#underWay >= this.#options.limits.callsUnderWay) return 'has too many calls under way';
    return this.#circuit.admit() ? undefined : 'has failed too often and is left alone for a while';
  }

  async #attempt<T>(
    handler: Handler,
    run: (handler: Handler, signal: AbortSignal) => T | Promise<T> | undefined,
    outer: AbortSignal | undefined,
  ): Promise<Answer<T>> {
    const controller = this.#spare ?? new AbortController();
    this.#spare = undefined;
    try {
      const result = run(handler, controller.signal);
      if (!(result instanceof Promise)) {
        this.#spare = controller;
        return result === undefined
          ? { ok: false, problem: 'does not serve that' }
          : { ok: true, value: result };
      }
      return await this.#await(result, controller, outer);
    } catch (error) {
      return { ok: false, problem: messageOf(error) };
    }
  }

  async #await<T>(
    result: Promise<T>,
    controller: AbortController,
    outer: AbortSignal | undefined,
  ): Promise<Answer<T>> {
    const { clock, limits } = this.#options;
    const limitMs = this.plan.timeoutMs ?? this.#handler?.timeoutMs ?? limits.handlerTimeoutMs;
    let cancel = (): void => undefined;
    let leave = (): void => undefined;
    const answer = await new Promise<Answer<T>>((resolve) => {
      const stop = (problem: string): void => {
        resolve({ ok: false, problem });
        controller.abort();
      };
      cancel = clock.after(limitMs, () => {
        this.#counts.timeouts++;
        stop(`did not answer in ${limitMs} ms`);
      });
      leave = () => stop('the caller went away');
      if (outer?.aborted) leave();
      outer?.addEventListener('abort', leave, { once: true });
      result.then(
        (value) => resolve({ ok: true, value }),
        (error: unknown) => resolve({ ok: false, problem: messageOf(error) }),
      );
    });
    cancel();
    outer?.removeEventListener('abort', leave);
    return answer;
  }

  /** A batch is taken whole but for what the handler lost, or it has failed but for what the handler says was taken. */
  async #deliver(batch: readonly Instance[]): Promise<number> {
    const told = { lost: 0, taken: 0 };
    this.#batch = told;
    const answer = await this.call(async (handler, signal) => {
      if (handler.report === undefined) throw new Error('does not take reports');
      await handler.report(batch, signal);
      return true;
    });
    const delivered = answer.ok ? batch.length - told.lost : told.taken;
    return Math.min(batch.length, Math.max(0, delivered));
  }

  #context(): HandlerContext {
    const { name, namespace, instances } = this.plan;
    return {
      name,
      namespace,
      instances,
      now: () => this.#options.clock.now(),
      reportProblem: (problem) => {
        if (problem === this.#problem) return;
        this.#problem = problem;
        this.#options.onProblem?.();
      },
      countLoss: (lost) => {
        this.#batch.lost += lost;
      },
      countTaken: (taken) => {
        this.#batch.taken += taken;
      },
    };
  }
}

const longestMessage = 300;
function messageOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.slice(0, longestMessage);
}
