// What was opened, to be closed in the opposite order; one that fails to close does not keep the others open.

type Close = () => void | Promise<void>;

export class ResourceStack implements AsyncDisposable {
  readonly #closers: Close[] = [];

  /** Keeps `resource` until this is disposed, and hands it back. */
  use<T extends Disposable | AsyncDisposable>(resource: T): T {
    this.#closers.push(() => closeOf(resource));
    return resource;
  }

  defer(close: Close): void {
    this.#closers.push(close);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const faults: unknown[] = [];
    for (let close = this.#closers.pop(); close !== undefined; close = this.#closers.pop()) {
      try {
        await close();
      } catch (error) {
        faults.push(error);
      }
    }
    if (faults.length > 0) throw new AggregateError(faults, 'resources could not be closed');
  }
}

function closeOf(resource: Disposable | AsyncDisposable): void | Promise<void> {
  if (Symbol.asyncDispose in resource) return Promise.resolve(resource[Symbol.asyncDispose]());
  resource[Symbol.dispose]();
}
