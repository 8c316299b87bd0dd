// What the process says of itself; doors and adapters add their own.
import { collectDefaultMetrics, Gauge, type Registry } from 'prom-client';

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
