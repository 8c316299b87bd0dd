// Requests are checked and certificates signed in a thread of their own, so that discovery does not wait for arithmetic. The rule: every call ends; when the thread dies its jobs are refused, and the next one starts another.
import { Worker } from 'node:worker_threads';
import { type Diagnostic, fail, type Result, succeed } from '@xebec/std';
import { SECOND_MS } from '../clock.ts';
import { type Refusal, refusalDiagnostic, refuse } from '../refusal.ts';
import type { LeafIssuer } from './leaf.ts';
import type { RequestSigner } from './request-signer.ts';
import type { FromThread, ThreadJob, ToThread } from './thread-messages.ts';

export interface SigningThread extends RequestSigner, Disposable {
  /** Jobs that have no answer yet. */
  readonly waiting: number;
}

export interface SigningThreadOptions {
  /** Told each time the thread ends by itself. */
  readonly onProblem?: (diagnostic: Diagnostic) => void;
  /** Jobs that may wait at once; more are refused. 2,048 unless said otherwise: about two seconds of work. */
  readonly mostWaiting?: number;
  /** How long a job may take; a thread that takes longer is ended. 15 seconds unless said otherwise. */
  readonly timeoutMs?: number;
  /** Starts the thread's program. */
  readonly start?: () => Worker;
}

const MOST_WAITING = 2_048;
const TIMEOUT_MS = 15 * SECOND_MS;
const LONGEST_PAUSE_MS = 5 * SECOND_MS;
const FIRST_PAUSE_MS = 100;

/** Starts with the first job. */
export const openSigningThread = (options: SigningThreadOptions = {}): SigningThread => new Thread(options);

/** Beside the command where that is bundled, beside this file among the sources. */
export function startSigningWorker(): Worker {
  const here = import.meta.url;
  if (here.endsWith('.ts')) return startFromSource(new URL('./signing-worker.ts', here).href);
  return new Worker(
    new URL(here.includes('/chunks/') ? '../signing-worker.js' : './signing-worker.js', here),
  );
}

/** Threads do not inherit how their process reads TypeScript. */
function startFromSource(workerData: string): Worker {
  const program = `import('tsx/esm/api').then(({ register }) => {
    register();
    return import(require('node:worker_threads').workerData);
  })`;
  return new Worker(program, { eval: true, workerData });
}

const unavailable = (why: string): Refusal => ({
  code: 'signer-unavailable',
  message: `the thread that signs certificates ${why}`,
  remedy: 'nothing is to be done: another one is started, and who asks again is answered',
});

const busy: Refusal = {
  code: 'signing-busy',
  message: 'too many certificate requests are waiting to be signed',
  remedy: 'ask again later',
};

interface Waiting {
  readonly settle: (answer: Result<FromThread>) => void;
  readonly timer: NodeJS.Timeout;
}

class Thread implements SigningThread {
  readonly #options: SigningThreadOptions;
  readonly #jobs = new Map<number, Waiting>();
  #worker: Worker | undefined;
  #toldIssuer: LeafIssuer | undefined;
  #nextId = 0;
  /** Threads that ended one after the other without an answer. */
  #failures = 0;
  #pausedUntil = 0;
  #isClosed = false;

  constructor(options: SigningThreadOptions) {
    this.#options = options;
  }

  get waiting(): number {
    return this.#jobs.size;
  }

  async check(csrPem: string): ReturnType<RequestSigner['check']> {
    const answer = await this.#ask((id) => ({ kind: 'check', id, csrPem }));
    if (!answer.ok) return answer;
    if (answer.value.kind !== 'checked') return refusedBy(answer.value);
    const { key, spki } = answer.value;
    return succeed({ key, spki: Buffer.from(spki) });
  }

  async sign(issuer: LeafIssuer, job: Parameters<RequestSigner['sign']>[1]): Promise<Result<Uint8Array>> {
    const answer = await this.#ask((id) => ({ kind: 'sign', id, ...job }), issuer);
    if (!answer.ok) return answer;
    return answer.value.kind === 'signed' ? succeed(answer.value.der) : refusedBy(answer.value);
  }

  #ask(jobOf: (id: number) => ThreadJob, issuer?: LeafIssuer): Promise<Result<FromThread>> {
    if (this.#jobs.size >= (this.#options.mostWaiting ?? MOST_WAITING)) return Promise.resolve(refuse(busy));
    const worker = this.#running();
    if (worker === undefined) return Promise.resolve(refuse(unavailable('ended')));
    if (issuer !== undefined && issuer !== this.#toldIssuer) {
      this.#toldIssuer = issuer;
      // Messages keep their order: jobs before this one are signed by the issuer before.
      post(worker, { kind: 'issuer', issuer });
    }
    const id = this.#nextId++;
    return new Promise((settle) => {
      const timer = setTimeout(() => this.#giveUp(worker), this.#options.timeoutMs ?? TIMEOUT_MS);
      timer.unref();
      this.#jobs.set(id, { settle, timer });
      post(worker, jobOf(id));
    });
  }

  #running(): Worker | undefined {
    if (this.#worker !== undefined || this.#isClosed || performance.now() < this.#pausedUntil)
      return this.#worker;
    try {
      const worker = (this.#options.start ?? startSigningWorker)();
      worker.unref();
      worker.on('message', (answer: FromThread) => this.#take(answer));
      worker.on('error', (error) => this.#end(worker, `ended: ${error.message}`));
      worker.on('exit', () => this.#end(worker, 'ended'));
      this.#worker = worker;
      return worker;
    } catch (error) {
      this.#ended(`could not be started: ${error instanceof Error ? error.message : String(error)}`);
      return undefined;
    }
  }

  #take(answer: FromThread): void {
    this.#failures = 0;
    this.#settle(answer.id, succeed(answer));
  }

  #settle(id: number, answer: Result<FromThread>): void {
    const job = this.#jobs.get(id);
    this.#jobs.delete(id);
    clearTimeout(job?.timer);
    job?.settle(answer);
  }

  #giveUp(worker: Worker): void {
    this.#end(worker, 'gave no answer in time');
    void worker.terminate();
  }

  /** Once for each thread; those who wait are told at once. */
  #end(worker: Worker, why: string): void {
    if (worker !== this.#worker) return;
    this.#worker = undefined;
    this.#toldIssuer = undefined;
    this.#ended(why);
    for (const id of [...this.#jobs.keys()]) this.#settle(id, refuse(unavailable(why)));
  }

  /** The first time another one may start at once; later ones wait longer and longer. */
  #ended(why: string): void {
    const pauseMs = Math.min(FIRST_PAUSE_MS * 2 ** this.#failures, LONGEST_PAUSE_MS);
    this.#pausedUntil = this.#failures === 0 ? 0 : performance.now() + pauseMs;
    this.#failures += 1;
    if (!this.#isClosed) this.#options.onProblem?.(refusalDiagnostic(unavailable(why)));
  }

  [Symbol.dispose](): void {
    this.#isClosed = true;
    const worker = this.#worker;
    if (worker === undefined) return;
    this.#end(worker, 'was closed');
    void worker.terminate();
  }
}

const post = (worker: Worker, message: ToThread): void => worker.postMessage(message);

/** A bug there is one here. */
function refusedBy(answer: FromThread): Result<never> {
  if (answer.kind === 'refused') return fail(...answer.diagnostics);
  throw new Error(answer.kind === 'failed' ? answer.message : `not an answer to this job: ${answer.kind}`);
}
