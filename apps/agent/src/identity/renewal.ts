// When a certificate is renewed: at half its life, give or take a tenth, so that a fleet does not ask at one moment.
import { backoffMs } from '../backoff.ts';

const graceRatio = 0.5;
const jitterRatio = 0.1;
/** With less than this share of the life left, people should know. */
const alarmRatio = 0.2;

/** Milliseconds from the issue to the renewal of a certificate that lives `lifeMs`. */
export const renewalDelayMs = (lifeMs: number, random: () => number): number =>
  Math.max(0, lifeMs) * (graceRatio + (random() * 2 - 1) * jitterRatio);

/** Milliseconds until a failed renewal is repeated; short lives are asked for more often. */
export function retryDelayMs(lifeMs: number, failures: number, random: () => number): number {
  const firstMs = clamp(lifeMs / 100, { least: 200, most: 1_000 });
  const longestMs = clamp(lifeMs / 20, { least: 1_000, most: 30_000 });
  return backoffMs({ firstMs, longestMs }, failures, random);
}

/** Milliseconds until a certificate is replaced because somebody else signs from now on; a fleet hears of that at one moment. */
export function hurryDelayMs(lifeMs: number, times: number, random: () => number): number {
  const spreadMs = clamp(lifeMs / 20, { least: 100, most: 2_000 });
  return random() * spreadMs + (times > 1 ? retryDelayMs(lifeMs, times, random) : 0);
}

export interface Validity {
  /** When we received it: certificates are dated back, so this is not where it begins. */
  readonly issuedAt: number;
  readonly notAfter: number;
}

export const isNearItsEnd = ({ issuedAt, notAfter }: Validity, nowMs: number): boolean =>
  nowMs > notAfter - (notAfter - issuedAt) * alarmRatio;

const clamp = (value: number, { least, most }: { least: number; most: number }): number =>
  Math.min(most, Math.max(least, value));
