// Counters as lines that survive a restart. Amounts are written as digits; what cannot be read is left out, and its reader is told.
import { type BoundCounter, bindCounter, type CounterState } from '../counters/bound.ts';
import type { Limit } from '../limit.ts';
import type { DemandMeter } from '../sharing/demand.ts';
import type { Consumer } from '../sharing/fair-shares.ts';
import type { CounterTable, LiveCounter } from './counters.ts';
import type { Deduplication, RememberedGrant } from './deduplication.ts';

interface WrittenCounter {
  readonly limit: unknown;
  readonly state: unknown;
}

interface WrittenConsumer extends WrittenCounter {
  readonly name: string;
  readonly weight: number;
  readonly demand: DemandMeter;
}

/** JSON. */
export type LedgerRecord =
  | {
      readonly kind: 'counter';
      readonly counter: string;
      readonly written: WrittenCounter;
      readonly consumers?: readonly WrittenConsumer[];
    }
  | { readonly kind: 'gone'; readonly counter: string }
  | { readonly kind: 'forgotten'; readonly key: string }
  | { readonly kind: 'grant'; readonly key: string; readonly granted: string; readonly endsMs: number };

export const encodeGrant = (key: string, { granted, endsMs }: RememberedGrant): LedgerRecord => ({
  kind: 'grant',
  key,
  granted: String(granted),
  endsMs,
});

export function encodeCounter({ name, counter, shares }: LiveCounter): LedgerRecord {
  const consumers = [...(shares?.consumers.values() ?? [])].map((one) => ({
    ...write(one.counter),
    name: one.name,
    weight: one.weight,
    demand: { ...one.demand },
  }));
  return {
    kind: 'counter',
    counter: name,
    written: write(counter),
    ...(shares === undefined ? {} : { consumers }),
  };
}

const write = ({ limit, state }: BoundCounter): WrittenCounter => ({
  limit: writeAmounts(limit),
  state: writeAmounts(state),
});

/** Amounts as `{"int64": "digits"}`: no text that somebody chose can be taken for one. */
function writeAmounts(value: unknown): unknown {
  if (typeof value === 'bigint') return { int64: String(value) };
  if (Array.isArray(value)) return value.map(writeAmounts);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, writeAmounts(part)]));
}

function readAmounts(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(readAmounts);
  if (typeof value !== 'object' || value === null) return value;
  if ('int64' in value && typeof value.int64 === 'string') return BigInt(value.int64);
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, readAmounts(part)]));
}

/** The file's checksums say that `write` made it. */
const read = ({ limit, state }: WrittenCounter): BoundCounter | undefined =>
  bindCounter(readAmounts(state) as CounterState, readAmounts(limit) as Limit);

/** False: not a record of ours. */
export function restoreRecord(
  { table, ids, now }: { table: CounterTable; ids: Deduplication; now: () => number },
  written: unknown,
): boolean {
  if (typeof written !== 'object' || written === null || !('kind' in written)) return false;
  const record = written as LedgerRecord;
  switch (record.kind) {
    case 'gone':
      table.delete(record.counter);
      return true;
    case 'forgotten':
      ids.delete(record.key);
      return true;
    case 'grant':
      ids.put(record.key, { granted: BigInt(record.granted), endsMs: record.endsMs }, now());
      return true;
    case 'counter':
      return restoreCounter(table, record);
    default:
      return false;
  }
}

function restoreCounter(table: CounterTable, record: LedgerRecord & { kind: 'counter' }): boolean {
  const counter = read(record.written);
  if (counter === undefined) return false;
  const consumers = (record.consumers ?? []).flatMap((one) => readConsumer(one));
  const shares = record.consumers && { consumers: new Map(consumers) };
  table.put({ name: record.counter, counter, ...(shares === undefined ? {} : { shares }) });
  return true;
}

function readConsumer(written: WrittenConsumer): [string, Consumer][] {
  const counter = read(written);
  if (counter === undefined) return [];
  const { name, weight, demand } = written;
  return [[name, { name, weight, counter, demand: { ...demand } }]];
}
