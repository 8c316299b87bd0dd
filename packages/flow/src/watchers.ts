// Listeners of one event: each is called once per event, and one that throws does not keep it from the others.
import type { Delivery } from './lifecycle.ts';

/**
 * Thrown by `transact` when watchers threw: the transaction stands, every other watcher was called.
 * `errors` holds what was thrown.
 */
export class WatcherError extends AggregateError {
  override readonly name = 'WatcherError';
  readonly epoch: number;

  constructor(epoch: number, thrown: readonly unknown[]) {
    const first = thrown[0] instanceof Error ? thrown[0].message : String(thrown[0]);
    super(thrown, `${thrown.length} watcher(s) threw at epoch ${epoch} (which stands): ${first}`);
    this.epoch = epoch;
  }
}

export class Watchers<E> {
  private readonly listeners = new Set<{ readonly call: (event: E) => void }>();

  get size(): number {
    return this.listeners.size;
  }

  add(call: (event: E) => void): Disposable {
    const listener = { call };
    this.listeners.add(listener);
    return { [Symbol.dispose]: () => void this.listeners.delete(listener) };
  }

  /** Calls those who listen now; one disposed in the meantime is left out, one added in the meantime too. */
  prepare(event: E): Delivery {
    const present = [...this.listeners];
    return (thrown) => {
      for (const listener of present) {
        if (this.listeners.has(listener)) attempt(() => listener.call(event), thrown);
      }
    };
  }
}

function attempt(call: () => void, thrown: unknown[]): void {
  try {
    call();
  } catch (error) {
    thrown.push(error);
  }
}
