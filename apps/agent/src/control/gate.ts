// Open while the control plane knows our Pods: after a restart it knows none, and what it would tell proxies then is not the truth.

export interface Gate {
  /** Resolves once it is open; true unless aborted before. */
  passed(signal: AbortSignal): Promise<boolean>;
}

export class ControlPlaneGate implements Gate {
  #isOpen = false;
  #waiting = new Set<() => void>();

  open(): void {
    this.#isOpen = true;
    for (const pass of [...this.#waiting]) pass();
    this.#waiting.clear();
  }

  close(): void {
    this.#isOpen = false;
  }

  passed(signal: AbortSignal): Promise<boolean> {
    if (this.#isOpen || signal.aborted) return Promise.resolve(!signal.aborted);
    return new Promise((resolve) => {
      const finish = (): void => {
        this.#waiting.delete(finish);
        signal.removeEventListener('abort', finish);
        resolve(!signal.aborted);
      };
      this.#waiting.add(finish);
      signal.addEventListener('abort', finish, { once: true });
    });
  }
}
