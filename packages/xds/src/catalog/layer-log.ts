// The recent changes of one layer, bounded. A reader whose cursor is older than the log's floor must start again.

interface LogEntry {
  readonly epoch: number;
  readonly name: string;
  /** Whether the layer had the name before this change. */
  readonly wasPresent: boolean;
}

export interface LayerLog {
  /** Changes of this epoch and before may be missing. */
  floor: number;
  readonly entries: LogEntry[];
}

/** A log that is complete from `epoch` on. */
export const createLayerLog = (epoch: number): LayerLog => ({ floor: epoch, entries: [] });

/** Drops the oldest half, whole epochs at a time, once the log holds more than `limit` entries. */
export function trimLog(log: LayerLog, limit: number): void {
  if (log.entries.length <= limit) return;
  const { entries } = log;
  let drop = entries.length >>> 1;
  const epoch = entries[drop]?.epoch ?? 0;
  while (drop < entries.length && entries[drop]?.epoch === epoch) drop++;
  log.floor = epoch;
  entries.splice(0, drop);
}

/** Position of the first entry after an epoch. */
export function firstAfter(log: LayerLog, epoch: number): number {
  let low = 0;
  let high = log.entries.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((log.entries[middle]?.epoch ?? 0) <= epoch) low = middle + 1;
    else high = middle;
  }
  return low;
}
