// What every call of every door passes: who is calling, what it is counted as.

import type { AttributeBag, PolicyEngine } from '@xebec/policy';
import { Registry } from 'prom-client';
import type { DropReason } from '../attributes/bag-builder.ts';
import { BagBuilder } from '../attributes/bag-builder.ts';
import { createIdentify, type Identify } from '../callers/caller.ts';
import type { DoorLimits } from '../limits.ts';
import { defaultLimits } from '../limits.ts';
import type { DoorMetrics, DoorName } from '../metrics.ts';
import { createDoorMetrics } from '../metrics.ts';
import { type Ask, asks, type DoorOptions } from '../options.ts';
import type { WorkloadDirectory } from '../workload-directory.ts';

/** What doors share. */
export interface Gate {
  readonly engine: () => PolicyEngine;
  readonly identify: Identify;
  readonly limits: DoorLimits;
  readonly metrics: DoorMetrics;
  readonly workloads: WorkloadDirectory;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** A bag to fill with what a caller of this door says. */
  newBag(door: DoorName, from?: AttributeBag): BagBuilder;
  readonly vocabulary: DoorOptions['vocabulary'];
  /** What who is not known may ask for. */
  readonly anonymousMay: ReadonlySet<Ask>;
}

/** For calls that came in plaintext. */
export const localGate = (gate: Gate): Gate => ({
  ...gate,
  identify: (credentials, door) => gate.identify({ ...credentials, isLocal: true }, door),
});

export function createGate(options: DoorOptions): Gate {
  const { engine, vocabulary, workloads, now = Date.now } = options;
  const limits: DoorLimits = { ...defaultLimits, ...options.limits };
  const metrics = createDoorMetrics(options.metrics ?? new Registry());
  const counters = new Map<DoorName, (reason: DropReason) => void>();
  const counterOf = (door: DoorName) => {
    const known = counters.get(door);
    if (known !== undefined) return known;
    const made = (reason: DropReason): void => metrics.countDrop(door, reason);
    counters.set(door, made);
    return made;
  };
  return {
    ...{ engine, vocabulary, workloads, now, limits, metrics },
    anonymousMay: new Set(options.anonymousMay ?? asks),
    identify: createIdentify(options),
    newBag: (door, from) =>
      new BagBuilder({ vocabulary: vocabulary(), limits, countDrop: counterOf(door) }, from),
  };
}
