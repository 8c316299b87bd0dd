// Durations as Istio writes them: Go's or protobuf's text form, whole milliseconds.
import { parseDurationMs } from '@xebec/std';
import { type Decoder, quote, wrongType } from '../decode/decoder.ts';
import { refuse, type Walk } from '../decode/walk.ts';

const longestMs = 315_576_000_000_000;
const remedy = 'write a duration such as 250ms, 1.5s, 10m or 1h30m';

function duration(leastMs: number): Decoder<number> {
  return (value, walk) => {
    if (typeof value === 'number') {
      return refuse(walk, wrongType('a duration', value, `write a unit: ${value}s or ${value}ms`));
    }
    if (typeof value !== 'string') return refuse(walk, wrongType('a duration', value, remedy));
    const parsed = value === '0' ? 0 : value.length > 64 ? undefined : parseDurationMs(value);
    if (parsed === undefined) {
      return refuse(walk, { code: 'invalid-duration', message: `${quote(value)} is not a duration`, remedy });
    }
    return checkRange(Math.round(parsed * 1e6) / 1e6, { leastMs, written: value }, walk);
  };
}

function checkRange(ms: number, rule: { leastMs: number; written: string }, walk: Walk): number | undefined {
  const written = quote(rule.written);
  if (!Number.isInteger(ms)) {
    const message = `${written} is not a whole number of milliseconds`;
    return refuse(walk, { code: 'invalid-duration', message, remedy });
  }
  if (ms >= rule.leastMs && ms <= longestMs) return ms;
  const limit = ms < rule.leastMs ? `at least ${rule.leastMs}ms` : `at most ${longestMs}ms`;
  return refuse(walk, {
    code: 'out-of-range',
    message: `${written} is out of range`,
    remedy: `write ${limit}`,
  });
}

/** Milliseconds, at least 1. */
export const positiveDuration = duration(1);
/** Milliseconds, 0 allowed: it means "no limit" where it is used. */
export const durationOrZero = duration(0);
