// What the engine, the doors and the process use of quotas.

export { createMemquotaAdapter, memquotaForm } from '../adapters/memquota/memquota.ts';
export type { RedisAddress } from '../adapters/redisquota/parameters.ts';
export {
  createRedisquotaAdapter,
  type OpenLedger,
  type OpenRedisLedger,
  redisquotaForm,
} from '../adapters/redisquota/redisquota.ts';
export { addSaturating, isInt64, largestAmount, parseAmount } from './amount.ts';
export { firstByName } from './first-by-name.ts';
export type {
  CountedLimit,
  CounterUsage,
  QuotaCharge,
  QuotaGrant,
  QuotaLedger,
  QuotaReset,
  Share,
  UsageQuery,
} from './ledger.ts';
export { counterKey, readCounterKey } from './ledger.ts';
export type { CalendarUnit, Limit, Window } from './limit.ts';
export { defaultSlots } from './limit.ts';
export type { LimitOverride, QuotaDefinition } from './limits/definition.ts';
export { limitFor } from './limits/definition.ts';
export { createMemoryLedger, type MemoryLedger, type MemoryLedgerOptions } from './memory/memory-ledger.ts';
export type { LedgerRecord } from './memory/record.ts';
export { type ExpandedPools, expandPools, type PoolObjects } from './pools/expand-pools.ts';
export { createPoolAdapter, type PoolPorts, quotaPoolForm } from './pools/pool-adapter.ts';
export { createQuotaHandler, type QuotaHandlerOptions } from './quota-handler.ts';
export { compileQuotaSpecs, type QuotaSpecs, type RequestedQuota } from './requests/quota-specs.ts';
export {
  checkPoolRequests,
  compileRequestedQuotas,
  type QuotaSources,
  type RequestedQuotas,
} from './requests/requested-quotas.ts';
export {
  createStreamUsageReader,
  estimateRequest,
  type StreamUsageReader,
  type TokenUsage,
  usageOfBody,
} from './tokens/token-usage.ts';
export { isTimeZone, windowAt } from './windows/calendar.ts';
