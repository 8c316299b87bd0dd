// Compiled policies, inline or fetched again and again, each in a thread of its own. Rule: a new one takes over once it is loaded; while it cannot be fetched or loaded the last good one decides, and the handler tells.
import type { OpaProgram, OpaProgramOptions, OpenOpaProgram } from '@xebec/policy';
import { followDocument } from '../lists/list-source.ts';
import { OpaThread } from './opa-thread.ts';

export const openOpaProgram: OpenOpaProgram = async (options) => {
  const held = new HeldProgram(options);
  const { source } = options;
  if (source.kind === 'inline') {
    await held.take(Buffer.from(source.content, 'base64'));
    return programOf(held, () => undefined);
  }
  const { url, refreshIntervalMs } = source;
  const listener = {
    content: (bytes: Uint8Array) => held.take(bytes),
    failure: (problem: string) => held.failed(problem),
  };
  return programOf(held, await followDocument({ url, refreshIntervalMs, listener }));
};

const programOf = (held: HeldProgram, stop: () => void): OpaProgram => ({
  evaluate: (input, signal) => held.evaluate(input, signal),
  close() {
    stop();
    held.close();
  },
});

class HeldProgram {
  readonly #options: OpaProgramOptions;
  #thread: OpaThread | undefined;
  #content: Uint8Array | undefined;
  #problem = 'was not read yet';
  #isClosed = false;

  constructor(options: OpaProgramOptions) {
    this.#options = options;
  }

  /** Rejects where it cannot be used; then nothing has changed. */
  async take(content: Uint8Array): Promise<void> {
    if (this.#content === undefined || Buffer.compare(content, this.#content) !== 0) {
      const { entrypoint, data, timeoutMs } = this.#options;
      const thread = new OpaThread({ load: { kind: 'load', content, entrypoint, data }, timeoutMs });
      await thread.start();
      if (this.#isClosed) return thread.close();
      const before = this.#thread;
      this.#thread = thread;
      this.#content = content;
      // What it was asked in this moment it still answers.
      setTimeout(() => before?.close(), timeoutMs).unref();
    }
    this.#options.reportProblem(undefined);
  }

  failed(problem: string): void {
    this.#problem = `the policy cannot be used: ${problem}`;
    this.#options.reportProblem(this.#problem);
  }

  evaluate(input: unknown, signal: AbortSignal): Promise<unknown> {
    if (signal.aborted) return Promise.reject(new Error('the caller went away'));
    return this.#thread?.evaluate(input) ?? Promise.reject(new Error(this.#problem));
  }

  close(): void {
    this.#isClosed = true;
    this.#thread?.close();
  }
}
