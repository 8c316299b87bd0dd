// Quotas for Prometheus: what is used and allowed. Only quotas whose counters are few are shown one by one, so that dimensions cannot fill a page.
import { readCounterKey } from '@xebec/policy';
import { Gauge, type Registry } from 'prom-client';
import type { Ledgers } from './open-ledgers.ts';

const mostShown = 500;

export function addQuotaMetrics(registry: Registry, ledgers: Ledgers): void {
  const labelNames = ['quota', 'dimensions'];
  const registers = [registry];
  const limit = new Gauge({
    name: 'xebec_quota_limit',
    help: 'Units that a quota allows.',
    labelNames,
    registers,
  });
  new Gauge({
    name: 'xebec_quota_used',
    help: `Units used of a quota, of the first ${mostShown} counters by name.`,
    labelNames,
    registers,
    async collect() {
      this.reset();
      limit.reset();
      const usages = await Promise.all(
        // A Redis that is away does not take the page with it.
        ledgers
          .all()
          .map((ledger) => Promise.resolve(ledger.inspect({ prefix: '', most: mostShown })).catch(() => [])),
      );
      for (const usage of usages.flat()) {
        const { quota, dimensions } = readCounterKey(usage.counter);
        const labels = {
          quota,
          dimensions: [...dimensions].map(([name, value]) => `${name}=${value}`).join(','),
        };
        this.set(labels, Number(usage.used));
        limit.set(labels, Number(usage.limit));
      }
    },
  });
  new Gauge({
    name: 'xebec_quota_counters',
    help: 'Counters kept in memory.',
    registers,
    collect() {
      this.set(ledgers.counts().counters);
    },
  });
}
