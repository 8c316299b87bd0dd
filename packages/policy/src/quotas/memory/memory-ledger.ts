// The ledger of one process. Every call is one step without waiting, so that callers can never pass each other between looking and taking.

import { isInt64 } from '../amount.ts';
import { firstByName } from '../first-by-name.ts';
import type {
  CounterUsage,
  QuotaCharge,
  QuotaGrant,
  QuotaLedger,
  QuotaReset,
  UsageQuery,
} from '../ledger.ts';
import { isShareable, shareOf } from '../sharing/fair-shares.ts';
import { type CounterTable, createCounterTable, type LiveCounter } from './counters.ts';
import { createDeduplication, type Deduplication } from './deduplication.ts';
import { describe, invalid, refusedForRoom } from './grants.ts';
import { encodeCounter, encodeGrant, type LedgerRecord, restoreRecord } from './record.ts';
import { give, openSides, type Side, take, touch } from './sides.ts';

export interface MemoryLedgerOptions {
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Default 250,000; some 400 bytes each. */
  readonly mostCounters?: number;
  /** Remembered deduplication ids; default 250,000. */
  readonly mostIds?: number;
}

export interface MemoryLedger extends QuotaLedger {
  allocate(charge: QuotaCharge): QuotaGrant;
  inspect(query: UsageQuery): readonly CounterUsage[];
  reset(which: QuotaReset): number;
  /** What changed since the last call, to be written down. */
  drainChanges(): readonly LedgerRecord[];
  /** Everything that counts now. */
  records(): Iterable<LedgerRecord>;
  /** Takes back what was written, in its order; before the first call. False: not a record. */
  restore(record: unknown): boolean;
  counts(): { readonly counters: number; readonly ids: number; readonly idsForgottenEarly: number };
}

interface Books {
  readonly now: () => number;
  readonly table: CounterTable;
  readonly ids: Deduplication;
  readonly changed: Set<string>;
  readonly changedIds: Set<string>;
}

const sweptPerCall = 2;

export function createMemoryLedger(options: MemoryLedgerOptions): MemoryLedger {
  const { now, mostCounters = 250_000, mostIds = 250_000 } = options;
  const books: Books = {
    now,
    table: createCounterTable(mostCounters),
    ids: createDeduplication(mostIds),
    changed: new Set(),
    changedIds: new Set(),
  };
  return {
    allocate: (charge) => allocate(books, charge),
    inspect: (query) => inspect(books, query),
    reset: (which) => reset(books, which),
    drainChanges: () => drain(books),
    records: () => allRecords(books),
    restore: (record) => restoreRecord(books, record),
    counts: () => ({
      counters: books.table.size,
      ids: books.ids.size,
      idsForgottenEarly: books.ids.forgottenEarly,
    }),
  };
}

function allocate(books: Books, charge: QuotaCharge): QuotaGrant {
  const nowMs = books.now();
  const problem = problemOf(charge);
  if (problem !== undefined) return invalid(problem);
  const moment = { nowMs, id: charge.releasedId ?? charge.deduplicationId };
  for (const name of books.table.sweep(nowMs, sweptPerCall)) books.changed.add(name);
  const sides = openSides(books.table, charge.counters, nowMs);
  if (sides === undefined) return refusedForRoom;
  const { key, known } = recall(books, charge, nowMs);
  if (known !== undefined) {
    touch(sides, moment);
    note(books, sides);
    return { ...describe({ sides, charge, granted: known, nowMs, isWhole: true }), isRepeat: true };
  }
  const { granted, isWhole } =
    charge.amount < 0n ? give(sides, -charge.amount, moment) : take(sides, charge, moment);
  note(books, sides);
  forgetOpposite(books, charge);
  if (key !== undefined && granted > 0n)
    remember(books, key, { granted, endsMs: nowMs + charge.deduplicationMs });
  return describe({ sides, charge, granted, nowMs, isWhole });
}

function problemOf({ counters, amount, isForced = false }: QuotaCharge): string | undefined {
  if (counters.length === 0) return 'no counter is named';
  if (!isInt64(amount)) return 'the amount does not fit a 64-bit whole number';
  if (isForced && amount < 0n) return 'only what is taken can be forced';
  const unfair = counters.find(({ share, limit }) => share !== undefined && !isShareable(limit));
  return unfair === undefined ? undefined : 'only limits with a window are shared fairly';
}

function recall(
  books: Books,
  { counters, amount, deduplicationId }: QuotaCharge,
  nowMs: number,
): { key?: string; known?: bigint } {
  if (deduplicationId === '') return {};
  const key = idKey(amount < 0n ? '-' : '+', deduplicationId, counters);
  const known = books.ids.get(key, nowMs)?.granted;
  return known === undefined ? { key } : { key, known };
}

const idKey = (direction: '+' | '-', id: string, counters: QuotaCharge['counters']): string =>
  JSON.stringify([direction, id, counters[0]?.counter]);

/** What was given back under an id may be taken under it again, and the other way round. */
function forgetOpposite(books: Books, { amount, deduplicationId, releasedId, counters }: QuotaCharge): void {
  const id = releasedId ?? deduplicationId;
  if (id === '') return;
  const opposite = idKey(amount < 0n ? '+' : '-', id, counters);
  if (books.ids.get(opposite, books.now()) === undefined) return;
  books.ids.delete(opposite);
  books.changedIds.add(opposite);
}

function remember(books: Books, key: string, grant: { granted: bigint; endsMs: number }): void {
  books.ids.put(key, grant, books.now());
  books.changedIds.add(key);
}

function note(books: Books, sides: readonly Side[]): void {
  for (const { live } of sides) books.changed.add(live.name);
}

function inspect(books: Books, { prefix, after = '', most }: UsageQuery): readonly CounterUsage[] {
  const nowMs = books.now();
  const named = firstByName(namedSo(books.table.values(), prefix, after), most, ({ name }) => name);
  return named.map((live) => usageOf(live, nowMs));
}

function* namedSo(counters: Iterable<LiveCounter>, prefix: string, after: string): Iterable<LiveCounter> {
  for (const live of counters) if (live.name > after && live.name.startsWith(prefix)) yield live;
}

function usageOf({ name, counter, shares }: LiveCounter, nowMs: number): CounterUsage {
  counter.advance(nowMs);
  const { kind, amount } = counter.limit;
  const at = { limit: counter.limit, nowMs };
  const consumers = [...(shares?.consumers.values() ?? [])].map((consumer) => {
    const share = shares === undefined ? 0n : shareOf(shares, consumer, at);
    return { consumer: consumer.name, used: consumer.counter.used(), share };
  });
  return {
    counter: name,
    kind,
    limit: amount,
    used: counter.used(),
    remaining: counter.remaining(),
    resetMs: counter.waitMs(amount, nowMs),
    ...(consumers.length > 0 ? { consumers } : {}),
  };
}

function reset(books: Books, which: QuotaReset): number {
  const names =
    'counters' in which
      ? which.counters.filter((name) => books.table.get(name) !== undefined)
      : [...books.table.values()].map(({ name }) => name).filter((name) => name.startsWith(which.prefix));
  for (const name of names) {
    books.table.delete(name);
    books.changed.add(name);
  }
  return names.length;
}

function drain(books: Books): readonly LedgerRecord[] {
  const records: LedgerRecord[] = [];
  for (const name of books.changed) {
    const live = books.table.get(name);
    records.push(live === undefined ? { kind: 'gone', counter: name } : encodeCounter(live));
  }
  const nowMs = books.now();
  for (const key of books.changedIds) {
    const grant = books.ids.get(key, nowMs);
    records.push(grant === undefined ? { kind: 'forgotten', key } : encodeGrant(key, grant));
  }
  books.changed.clear();
  books.changedIds.clear();
  return records;
}

function* allRecords(books: Books): Iterable<LedgerRecord> {
  for (const live of books.table.values()) yield encodeCounter(live);
  for (const [key, grant] of books.ids.entries()) yield encodeGrant(key, grant);
}
