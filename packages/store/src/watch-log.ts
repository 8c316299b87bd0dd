// Who watches, and the last events for those who come back. A listener that throws does not keep it from the others.
import { type Diagnostic, fail, type Result, succeed } from '@xebec/std';
import type { WatchChange, WatchEvent } from './types.ts';

type Listener = (event: WatchEvent) => void;

export class WatchLog {
  private readonly events: WatchEvent[] = [];
  private readonly listeners = new Set<{ readonly call: Listener }>();
  private readonly limit: number;
  private next: number;

  /** Versions start at the time of start, so that those of an earlier process are recognized as such. */
  constructor(startMs: number, limit: number) {
    this.next = Math.max(1, Math.floor(startMs)) * 1_000;
    this.limit = limit;
  }

  get version(): string {
    return String(this.next - 1);
  }

  /** The version that the next event will have. */
  get nextVersion(): string {
    return String(this.next);
  }

  publish(changes: readonly WatchChange[], revision?: number): void {
    const event = { version: this.nextVersion, changes, ...(revision === undefined ? {} : { revision }) };
    this.next++;
    this.events.push(event);
    if (this.events.length > this.limit) this.events.shift();
    deliver([...this.listeners], event);
  }

  watch(call: Listener, since: string | undefined): Result<Disposable> {
    const position = since === undefined ? this.events.length : this.positionAfter(since);
    if (position === undefined) return fail(expired(since ?? ''));
    const listener = { call };
    for (const event of this.events.slice(position)) call(event);
    this.listeners.add(listener);
    return succeed({ [Symbol.dispose]: () => void this.listeners.delete(listener) });
  }

  private positionAfter(since: string): number | undefined {
    const behind = this.next - 1 - Number(since);
    const isKnown = /^\d+$/.test(since) && behind >= 0 && behind <= this.events.length;
    return isKnown ? this.events.length - behind : undefined;
  }
}

function deliver(listeners: readonly { readonly call: Listener }[], event: WatchEvent): void {
  const thrown: unknown[] = [];
  for (const listener of listeners) {
    try {
      listener.call(event);
    } catch (error) {
      thrown.push(error);
    }
  }
  if (thrown.length > 0) throw new AggregateError(thrown, `${thrown.length} store watcher(s) threw`);
}

const expired = (since: string): Diagnostic => ({
  severity: 'error',
  code: 'expired',
  message: `changes since version "${since}" are not known any more`,
  remedy: 'list again and watch from the version of the list',
});
