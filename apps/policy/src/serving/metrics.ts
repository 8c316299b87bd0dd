// What the process says of itself; doors and adapters add their own.
import type { MetricBoard } from '@xebec/policy';
import { collectDefaultMetrics, Gauge, Registry } from 'prom-client';

/** With the metrics of adapters after those of the process. */
export class BoardRegistry extends Registry {
  readonly #board: MetricBoard;
  constructor(board: MetricBoard) {
    super();
    this.#board = board;
  }
  override async metrics(): Promise<string> {
    return `${await super.metrics()}${this.#board.text()}`;
  }
}

export function addMetrics(registry: Registry, revision: () => number): void {
  collectDefaultMetrics({ register: registry });
  new Gauge({
    name: 'xebec_policy_revision',
    help: 'Revision of the configuration in force; 0: none yet.',
    registers: [registry],
    collect() {
      this.set(revision());
    },
  });
}
