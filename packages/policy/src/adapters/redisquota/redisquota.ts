// redisquota: quotas counted in Redis, shared exactly by any number of policy services. What cannot be asked is refused or let through as the rule says.
import type { QuotaLedger } from '../../quotas/ledger.ts';
import { createQuotaHandler } from '../../quotas/quota-handler.ts';
import type { Adapter, AdapterForm } from '../sdk.ts';
import { parseRedisquota, type RedisAddress, type RedisquotaConfig } from './parameters.ts';

export const redisquotaForm: AdapterForm<RedisquotaConfig> = {
  name: 'redisquota',
  aliases: ['redisQuota'],
  description: 'Quotas counted in Redis, for any number of policy services.',
  templates: ['quota'],
  parse: parseRedisquota,
};

/** A ledger that somebody has opened and will close. */
export interface OpenLedger {
  readonly ledger: QuotaLedger;
  close(): Promise<void>;
}

/** `problem`: the server cannot be reached, or can again (undefined). */
export type OpenRedisLedger = (
  address: RedisAddress,
  problem: (text: string | undefined) => void,
) => OpenLedger;

export const createRedisquotaAdapter = (open: OpenRedisLedger): Adapter<RedisquotaConfig> => ({
  ...redisquotaForm,
  build(config, context) {
    const { ledger, close } = open(config.redis, (problem) => context.reportProblem(problem));
    const handler = createQuotaHandler({
      name: context.name,
      namespace: context.namespace,
      ledger,
      definitions: config.quotas,
      deduplicationMs: config.deduplicationMs,
    });
    return { ...handler, close };
  },
});
