// Waiting between attempts: longer and longer, within bounds, and not after an abort.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { backoffMs, pause } from './backoff.ts';
import { createManualTimers } from './testing/manual-timers.ts';

test('delays grow to the longest and keep at least half of it', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 1_000 }),
      fc.double({ min: 0, max: 0.999, noNaN: true }),
      (failures, at) => {
        const delay = backoffMs({ firstMs: 100, longestMs: 2_000 }, failures, () => at);
        const full = Math.min(2_000, 100 * 2 ** (failures - 1));
        expect(delay).toBeGreaterThanOrEqual(full / 2);
        expect(delay).toBeLessThanOrEqual(full);
      },
    ),
  );
});

test('a pause ends after its time, or at once when aborted', async () => {
  const timers = createManualTimers();
  const stop = new AbortController();
  const ended: string[] = [];
  void pause(timers, 100, stop.signal).then(() => ended.push('by time'));
  await timers.advance(99);
  expect(ended).toEqual([]);
  await timers.advance(1);
  expect(ended).toEqual(['by time']);
  void pause(timers, 100, stop.signal).then(() => ended.push('by abort'));
  stop.abort();
  await timers.advance(0);
  expect(ended).toEqual(['by time', 'by abort']);
  await pause(timers, 100, stop.signal);
  expect(timers.waiting).toEqual([]);
});
