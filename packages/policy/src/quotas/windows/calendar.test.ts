// Calendar windows against the clocks of places where days are not 24 hours long.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { CalendarUnit } from '../limit.ts';
import { isTimeZone, windowAt } from './calendar.ts';

const at = (unit: CalendarUnit, timeZone: string, instant: string) => {
  const { startMs, endMs } = windowAt({ kind: 'calendar', unit, timeZone }, Date.parse(instant));
  return [new Date(startMs).toISOString(), new Date(endMs).toISOString()];
};

test.each<[CalendarUnit, string, string, string, string]>([
  ['day', 'UTC', '2026-11-22T13:00:00Z', '2026-11-22T00:00:00.000Z', '2026-11-23T00:00:00.000Z'],
  ['day', 'Europe/Berlin', '2026-03-29T12:00:00Z', '2026-03-28T23:00:00.000Z', '2026-03-29T22:00:00.000Z'],
  ['day', 'Europe/Berlin', '2026-10-25T12:00:00Z', '2026-10-24T22:00:00.000Z', '2026-10-25T23:00:00.000Z'],
  ['day', 'Asia/Kolkata', '2026-11-22T20:00:00Z', '2026-11-22T18:30:00.000Z', '2026-11-23T18:30:00.000Z'],
  // Midnight does not exist on this day: the day begins at one o'clock.
  [
    'day',
    'America/Sao_Paulo',
    '2018-11-04T12:00:00Z',
    '2018-11-04T03:00:00.000Z',
    '2018-11-05T02:00:00.000Z',
  ],
  // Midnight comes twice: the first one counts.
  ['day', 'America/Havana', '2026-11-01T12:00:00Z', '2026-11-01T04:00:00.000Z', '2026-11-02T05:00:00.000Z'],
  ['week', 'UTC', '2026-11-22T13:00:00Z', '2026-11-16T00:00:00.000Z', '2026-11-23T00:00:00.000Z'],
  [
    'month',
    'America/New_York',
    '2026-11-01T03:00:00Z',
    '2026-10-01T04:00:00.000Z',
    '2026-11-01T04:00:00.000Z',
  ],
  ['month', 'UTC', '2028-02-29T23:59:59Z', '2028-02-01T00:00:00.000Z', '2028-03-01T00:00:00.000Z'],
  ['quarter', 'UTC', '2026-11-22T13:00:00Z', '2026-10-01T00:00:00.000Z', '2027-01-01T00:00:00.000Z'],
  [
    'year',
    'Pacific/Kiritimati',
    '2026-12-31T10:00:00Z',
    '2026-12-31T10:00:00.000Z',
    '2027-12-31T10:00:00.000Z',
  ],
])('%s in %s at %s', (unit, timeZone, instant, start, end) => {
  expect(at(unit, timeZone, instant)).toEqual([start, end]);
});

test('windows follow one another without gap, and hold their instant', () => {
  const units = fc.constantFrom<CalendarUnit>('day', 'week', 'month', 'quarter', 'year');
  const zones = fc.constantFrom(
    'UTC',
    'Europe/Berlin',
    'Africa/Cairo',
    'America/Havana',
    'Australia/Lord_Howe',
  );
  const instants = fc.integer({ min: Date.UTC(2000, 0), max: Date.UTC(2040, 0) });
  fc.assert(
    fc.property(units, zones, instants, (unit, timeZone, nowMs) => {
      const window = { kind: 'calendar', unit, timeZone } as const;
      const { startMs, endMs } = windowAt(window, nowMs);
      expect(startMs).toBeLessThanOrEqual(nowMs);
      expect(nowMs).toBeLessThan(endMs);
      expect(windowAt(window, endMs).startMs).toBe(endMs);
      expect(windowAt(window, startMs - 1).endMs).toBe(startMs);
    }),
    { numRuns: 300 },
  );
});

test('names of time zones are known', () => {
  expect(['Europe/Berlin', 'UTC', 'Nowhere/Town', ''].map(isTimeZone)).toEqual([true, true, false, false]);
});
