// What connected workloads last said of themselves, by node id; a workload that is gone is forgotten.
import type { Identity, TrustReport } from '@xebec/ca';

export interface HeardReport extends TrustReport {
  readonly identity: Identity;
  /** Milliseconds since the epoch. */
  readonly atMs: number;
}

export class TrustReports {
  readonly #reports = new Map<string, HeardReport>();
  readonly #listeners = new Set<() => void>();

  get all(): readonly HeardReport[] {
    return [...this.#reports.values()];
  }

  of(node: string): HeardReport | undefined {
    return this.#reports.get(node);
  }

  take(report: TrustReport, identity: Identity): void {
    this.#reports.set(report.node, { ...report, identity, atMs: Date.now() });
    this.#tell();
  }

  drop(node: string): void {
    this.#reports.delete(node);
    this.#tell();
  }

  subscribe(listener: () => void): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }

  #tell(): void {
    for (const listener of [...this.#listeners]) listener();
  }
}
