// Calls back once things are quiet, and at the latest after a limit.

export class Debounce implements Disposable {
  private readonly quietMs: number;
  private readonly limitMs: number;
  private readonly call: () => void;
  private timer: NodeJS.Timeout | undefined;
  private firstMs = 0;

  constructor(quietMs: number, limitMs: number, call: () => void) {
    this.quietMs = quietMs;
    this.limitMs = limitMs;
    this.call = call;
  }

  /** Something happened. */
  touch(): void {
    const nowMs = performance.now();
    if (this.timer === undefined) this.firstMs = nowMs;
    else clearTimeout(this.timer);
    const waitMs = Math.min(this.quietMs, Math.max(0, this.firstMs + this.limitMs - nowMs));
    this.timer = setTimeout(() => {
      this.timer = undefined;
      this.call();
    }, waitMs);
  }

  [Symbol.dispose](): void {
    clearTimeout(this.timer);
    this.timer = undefined;
  }
}
