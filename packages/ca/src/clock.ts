// Time and randomness as this package takes them: injected, so that tests decide both.
import { randomBytes } from 'node:crypto';

/** Milliseconds since the Unix epoch. */
export type Clock = () => number;

/** `size` unpredictable bytes. */
export type RandomBytes = (size: number) => Uint8Array;

export const systemClock: Clock = () => Date.now();
export const systemRandomBytes: RandomBytes = (size) => randomBytes(size);

export const SECOND_MS = 1_000;
export const MINUTE_MS = 60 * SECOND_MS;
export const DAY_MS = 24 * 60 * MINUTE_MS;
export const YEAR_MS = 365 * DAY_MS;
