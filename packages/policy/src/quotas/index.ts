// What the engine, the doors and the process use of quotas.
export { addSaturating, isInt64, largestAmount, parseAmount } from './amount.ts';
export type {
  CountedLimit,
  CounterUsage,
  QuotaCharge,
  QuotaGrant,
  QuotaLedger,
  Share,
  UsageQuery,
} from './ledger.ts';
export { counterKey, readCounterKey } from './ledger.ts';
export type { CalendarUnit, Limit, Window } from './limit.ts';
export { defaultSlots } from './limit.ts';
export { createMemoryLedger, type MemoryLedger, type MemoryLedgerOptions } from './memory/memory-ledger.ts';
export type { LedgerRecord } from './memory/record.ts';
export { isTimeZone, windowAt } from './windows/calendar.ts';
