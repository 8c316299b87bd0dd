// One thread with one compiled policy. Rule: every call ends; when an evaluation takes too long the thread is ended, which fails what waits, and the next call starts another.
import { Worker } from 'node:worker_threads';
import type { FromOpaThread, LoadMessage, ToOpaThread } from './thread-messages.ts';

export interface OpaThreadOptions {
  readonly load: LoadMessage;
  /** Milliseconds for one evaluation. */
  readonly timeoutMs: number;
  /** Milliseconds until the policy is loaded; 5,000 unless said otherwise. */
  readonly loadMs?: number;
}

/** Beside the command where that is bundled, beside this file among the sources. */
function startWorker(): Worker {
  const here = import.meta.url;
  const options = {
    resourceLimits: { maxOldGenerationSizeMb: 128, maxYoungGenerationSizeMb: 16 },
    stdout: true,
    stderr: true,
    env: {},
  };
  if (here.endsWith('.ts')) {
    const workerData = new URL('./opa-worker.ts', here).href;
    return new Worker(fromSource, { ...options, eval: true, workerData });
  }
  const file = here.includes('/chunks/') ? '../opa-worker.js' : './opa-worker.js';
  return new Worker(new URL(file, here), options);
}

/** Threads do not inherit how their process reads TypeScript. */
const fromSource = `import('tsx/esm/api').then(({ register }) => {
  register();
  return import(require('node:worker_threads').workerData);
})`;

interface Waiting {
  resolve(decision: unknown): void;
  reject(error: Error): void;
  readonly timer: NodeJS.Timeout;
}

const loadMs = 5_000;
const mostWaiting = 1_000;

export class OpaThread {
  readonly #options: OpaThreadOptions;
  readonly #jobs = new Map<number, Waiting>();
  #running: { readonly worker: Worker; readonly ready: Promise<void> } | undefined;
  #nextId = 0;
  #isClosed = false;

  constructor(options: OpaThreadOptions) {
    this.#options = options;
  }

  /** Resolves once the policy is loaded; rejects with why it cannot be. */
  async start(): Promise<void> {
    await this.#run().ready;
  }

  /** Rejects where there is no decision; `undefined`: it is not defined. */
  async evaluate(input: unknown): Promise<unknown> {
    if (this.#jobs.size >= mostWaiting) throw new Error('too many evaluations are waiting');
    const { worker, ready } = this.#run();
    await ready;
    const id = this.#nextId++;
    return await new Promise((resolve, reject) => {
      const { timeoutMs } = this.#options;
      const timer = setTimeout(
        () => this.#end(worker, `the policy did not decide in ${timeoutMs} ms`),
        timeoutMs,
      );
      this.#jobs.set(id, { resolve, reject, timer });
      post(worker, { kind: 'evaluate', id, input });
    });
  }

  /** What waits is refused. */
  close(): void {
    this.#isClosed = true;
    if (this.#running !== undefined) this.#end(this.#running.worker, 'is closed');
  }

  #run() {
    if (this.#isClosed) throw new Error('is closed');
    this.#running ??= this.#begin();
    return this.#running;
  }

  #begin() {
    const worker = startWorker();
    worker.unref();
    worker.stdout.resume();
    worker.stderr.resume();
    const ready = new Promise<void>((resolve, reject) => {
      const late = () => settle(() => reject(new Error('the policy was not loaded in time')));
      const timer = setTimeout(late, this.#options.loadMs ?? loadMs);
      const settle = (how: () => void): void => {
        clearTimeout(timer);
        how();
      };
      worker.on('message', (message: FromOpaThread) => {
        if (message.kind === 'ready') settle(resolve);
        else if (message.kind === 'refused') settle(() => reject(new Error(message.problem)));
        else this.#settle(message);
      });
      worker.on('error', (error) => {
        settle(() => reject(error));
        this.#end(worker, error.message);
      });
      worker.on('exit', () => {
        settle(() => reject(new Error('its thread ended')));
        this.#end(worker, 'its thread ended');
      });
    });
    ready.catch((error: Error) => this.#end(worker, error.message));
    post(worker, this.#options.load);
    return { worker, ready };
  }

  #settle(answer: Extract<FromOpaThread, { readonly id: number }>): void {
    const job = this.#jobs.get(answer.id);
    if (job === undefined) return;
    this.#jobs.delete(answer.id);
    clearTimeout(job.timer);
    if (answer.kind === 'decided') job.resolve(answer.decision);
    else job.reject(new Error(answer.problem));
  }

  /** Once for each thread. */
  #end(worker: Worker, why: string): void {
    if (this.#running?.worker !== worker) return;
    this.#running = undefined;
    const jobs = [...this.#jobs.values()];
    this.#jobs.clear();
    void worker.terminate();
    for (const { reject, timer } of jobs) {
      clearTimeout(timer);
      reject(new Error(why));
    }
  }
}

const post = (worker: Worker, message: ToOpaThread): void => worker.postMessage(message);
