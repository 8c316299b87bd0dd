// Days, weeks, months, quarters and years of a time zone as instants. A day begins at its first instant, also where midnight is skipped.
import type { CalendarUnit, Window } from '../limit.ts';

export interface Bounds {
  readonly startMs: number;
  readonly endMs: number;
}

/** The window that holds an instant. */
export function windowAt(window: Window, nowMs: number): Bounds {
  if (window.kind === 'calendar') return calendarAt(window.unit, window.timeZone, nowMs);
  const startMs = Math.floor(nowMs / window.ms) * window.ms;
  return { startMs, endMs: startMs + window.ms };
}

const known = new Map<string, Bounds>();

function calendarAt(unit: CalendarUnit, timeZone: string, nowMs: number): Bounds {
  const key = `${unit}/${timeZone}`;
  const last = known.get(key);
  if (last !== undefined && nowMs >= last.startMs && nowMs < last.endMs) return last;
  const today = localDate(timeZone, nowMs);
  const bounds = {
    startMs: instantOf(timeZone, begin(unit, today, 0)),
    endMs: instantOf(timeZone, begin(unit, today, 1)),
  };
  known.set(key, bounds);
  return bounds;
}

/** A day, as the UTC midnight of the same date. */
type LocalDay = number;

function begin(unit: CalendarUnit, day: LocalDay, later: number): LocalDay {
  const date = new Date(day);
  const [year, month, dayOfMonth] = [date.getUTCFullYear(), date.getUTCMonth(), date.getUTCDate()];
  switch (unit) {
    case 'day':
      return Date.UTC(year, month, dayOfMonth + later);
    case 'week':
      return Date.UTC(year, month, dayOfMonth - ((date.getUTCDay() + 6) % 7) + 7 * later);
    case 'month':
      return Date.UTC(year, month + later, 1);
    case 'quarter':
      return Date.UTC(year, month - (month % 3) + 3 * later, 1);
    case 'year':
      return Date.UTC(year + later, 0, 1);
  }
}

const dayMs = 86_400_000;

/** Local clock of an instant, written as if it were UTC. */
function localClock(timeZone: string, instantMs: number): number {
  const parts = new Map(
    formatOf(timeZone)
      .formatToParts(instantMs)
      .map(({ type, value }) => [type, Number(value)]),
  );
  const part = (type: Intl.DateTimeFormatPartTypes): number => parts.get(type) ?? 0;
  const clock = Date.UTC(
    part('year'),
    part('month') - 1,
    part('day'),
    part('hour') % 24,
    part('minute'),
    part('second'),
  );
  return clock + (((instantMs % 1_000) + 1_000) % 1_000);
}

const localDate = (timeZone: string, instantMs: number): LocalDay =>
  Math.floor(localClock(timeZone, instantMs) / dayMs) * dayMs;

/** The first instant of a local day. */
function instantOf(timeZone: string, day: LocalDay): number {
  const before = day - (localClock(timeZone, day - dayMs) - (day - dayMs));
  const after = day - (localClock(timeZone, day + dayMs) - (day + dayMs));
  const exact = [before, after].filter((instant) => localClock(timeZone, instant) === day);
  // Where the clock jumps over midnight, the day begins at the jump: the offset from before leads there.
  return exact.length > 0 ? Math.min(...exact) : before;
}

const formats = new Map<string, Intl.DateTimeFormat>();

function formatOf(timeZone: string): Intl.DateTimeFormat {
  const kept = formats.get(timeZone);
  if (kept !== undefined) return kept;
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone,
    calendar: 'gregory',
    numberingSystem: 'latn',
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  });
  formats.set(timeZone, format);
  return format;
}

/** True when the name is one of the time-zone database: `Europe/Berlin`. */
export function isTimeZone(name: string): boolean {
  try {
    formatOf(name);
    return true;
  } catch {
    return false;
  }
}
