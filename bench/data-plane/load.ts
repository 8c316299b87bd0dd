// Open-loop load: requests are sent when they are due, whether or not earlier ones were answered; waiting for a connection counts.
import type { Agent } from 'node:http';
import { type Destination, timeRequest } from '../envoys/requests.ts';
import { nowMs, pause } from '../measure/clock.ts';

export interface Load {
  readonly requestsPerSecond: number;
  readonly seconds: number;
}

export interface LoadResult {
  /** Milliseconds from sending to the whole answer. */
  readonly delaysMs: readonly number[];
  readonly failures: number;
}

export async function runLoad(to: Destination, agent: Agent, load: Load): Promise<LoadResult> {
  const gapMs = 1_000 / load.requestsPerSecond;
  const total = Math.round(load.requestsPerSecond * load.seconds);
  const delaysMs: number[] = [];
  const open: Promise<void>[] = [];
  let failures = 0;
  const startMs = nowMs();
  for (let sent = 0; sent < total; sent++) {
    const dueMs = startMs + sent * gapMs;
    const earlyMs = dueMs - nowMs();
    // Timers are good to a millisecond: wait for it, and send what became due together.
    if (earlyMs > 0) await pause(earlyMs);
    open.push(
      timeRequest(to, agent).then(
        (delayMs) => void delaysMs.push(delayMs),
        () => void failures++,
      ),
    );
  }
  await Promise.all(open);
  return { delaysMs, failures };
}
