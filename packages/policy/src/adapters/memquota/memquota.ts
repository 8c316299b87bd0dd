// memquota: quotas counted in the policy service itself. Windows roll; counters survive restarts where the process keeps its ledger's journal. For one policy service: several count apart, use redisquota there.
import type { QuotaLedger } from '../../quotas/ledger.ts';
import { createQuotaHandler } from '../../quotas/quota-handler.ts';
import type { Adapter, AdapterForm } from '../sdk.ts';
import { type MemquotaConfig, parseMemquota } from './parameters.ts';

export const memquotaForm: AdapterForm<MemquotaConfig> = {
  name: 'memquota',
  aliases: ['memQuota'],
  description: 'Quotas counted in the memory of one policy service.',
  templates: ['quota'],
  parse: parseMemquota,
};

/** `ledger`: that of the process, so that counters outlive a changed handler. */
export const createMemquotaAdapter = (ledger: QuotaLedger): Adapter<MemquotaConfig> => ({
  ...memquotaForm,
  build: (config, { name, namespace }) =>
    createQuotaHandler({
      name,
      namespace,
      ledger,
      definitions: config.quotas,
      deduplicationMs: config.deduplicationMs,
    }),
});
