// Which secrets the proxy has taken: a secret is in force once every stream that asked for it has acknowledged its newest version.

/** One stream of secrets. */
export interface SecretDelivery extends Disposable {
  sent(nonce: string, versions: readonly (readonly [name: string, version: string])[]): void;
  /** The proxy took what was sent with this nonce, or says why not. */
  answered(nonce: string, refusal?: string): void;
  /** It no longer wants these. */
  dropped(names: readonly string[]): void;
}

export interface Deliveries {
  open(): SecretDelivery;
  /** Why the newest of these are not in force: empty when they are, also when no stream wants them. */
  missing(names: readonly string[]): string;
  /** Called after every answer and when a stream ends. */
  subscribe(listener: () => void): Disposable;
}

interface Stream {
  readonly waiting: Map<string, readonly (readonly [string, string])[]>;
  /** By name: the version the proxy has acknowledged, or undefined while it has none. */
  readonly taken: Map<string, string | undefined>;
  readonly refusals: Map<string, string>;
}

export function createDeliveries(newest: (name: string) => string | undefined): Deliveries {
  const streams = new Set<Stream>();
  const listeners = new Set<() => void>();
  const tell = (): void => {
    for (const listener of [...listeners]) listener();
  };
  return {
    open() {
      const stream: Stream = { waiting: new Map(), taken: new Map(), refusals: new Map() };
      streams.add(stream);
      return {
        sent(nonce, versions) {
          stream.waiting.set(nonce, versions);
          for (const [name] of versions) if (!stream.taken.has(name)) stream.taken.set(name, undefined);
        },
        answered(nonce, refusal) {
          settle(stream, nonce, refusal);
          tell();
        },
        dropped(names) {
          for (const name of names) stream.taken.delete(name);
          tell();
        },
        [Symbol.dispose]() {
          streams.delete(stream);
          tell();
        },
      };
    },
    missing(names) {
      for (const { taken, refusals } of streams) {
        const late = names.find((name) => taken.has(name) && taken.get(name) !== newest(name));
        if (late !== undefined) return refusals.get(late) ?? `the proxy has not yet taken ${late}`;
      }
      return '';
    },
    subscribe(listener) {
      listeners.add(listener);
      return { [Symbol.dispose]: () => void listeners.delete(listener) };
    },
  };
}

function settle({ waiting, taken, refusals }: Stream, nonce: string, refusal: string | undefined): void {
  for (const [name, version] of waiting.get(nonce) ?? []) {
    if (refusal !== undefined) refusals.set(name, refusal);
    else if (taken.has(name)) {
      taken.set(name, version);
      refusals.delete(name);
    }
  }
  waiting.delete(nonce);
}
