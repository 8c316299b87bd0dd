// Why an evaluation gives no value. Rule: inside the evaluators a failure is a value that is handed up; nothing throws.
import type { AttributeValue } from '../attributes/value.ts';
import { Duration, Timestamp } from '../attributes/value.ts';
import type { Evaluation } from './expression.ts';
import { formatGoDuration } from './values/go-duration.ts';
import { formatRfc3339 } from './values/rfc3339.ts';

export class Failure {
  readonly problem: string;
  /** An attribute was absent that nothing stands in for. */
  readonly isAbsent: boolean;
  /** Where in the text, in UTF-16 units; negative where that is not known. */
  readonly offset: number;
  constructor(problem: string, isAbsent = false, offset = -1) {
    this.problem = problem;
    this.isAbsent = isAbsent;
    this.offset = offset;
  }

  /** The same failure with a place, if it has none. */
  at(offset: number): Failure {
    return this.offset < 0 ? new Failure(this.problem, this.isAbsent, offset) : this;
  }
}

/** An attribute that is absent, in Mixer's words. */
export const absent = (name: string, offset: number): Failure =>
  new Failure(`lookup failed: '${name}'`, true, offset);

/** As an outcome: a value, or why there is none. */
export function outcomeOf(value: AttributeValue | Failure): Evaluation {
  if (!(value instanceof Failure)) return { ok: true, value };
  const { problem, isAbsent, offset } = value;
  return { ok: false, problem, ...(isAbsent ? { isAbsent } : {}), ...(offset < 0 ? {} : { offset }) };
}

/** A value as a message shows it; long ones cut. */
export function showValue(value: AttributeValue): string {
  if (value instanceof Duration) return formatGoDuration(value.nanoseconds);
  if (value instanceof Timestamp) return formatRfc3339(value.nanoseconds);
  if (value instanceof Uint8Array) return `[${value.slice(0, 16).join(' ')}]`;
  if (typeof value === 'object') return `a map of ${value.size}`;
  const text = String(value);
  return text.length > 256 ? `${text.slice(0, 256)}…` : text;
}
