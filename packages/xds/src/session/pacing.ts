// How often one type is pushed to one stream: a burst at once, then a steady rate, so that a storm becomes few pushes.
import type { Limits } from '../options.ts';

/** The paced part of a channel. */
export interface Paced {
  tokens: number;
  tokensAtMs: number;
}

/** Undefined when a push may go now (the caller then takes one token), else the time to look again. */
export function pushAllowedAtMs(paced: Paced, limits: Limits, nowMs: number): number | undefined {
  const perMs = limits.pushesPerSecond / 1000;
  const earned = Math.max(0, nowMs - paced.tokensAtMs) * perMs;
  paced.tokens = Math.min(limits.pushBurst, paced.tokens + earned);
  paced.tokensAtMs = nowMs;
  if (paced.tokens >= 1) return undefined;
  return nowMs + Math.max(1, Math.ceil((1 - paced.tokens) / perMs));
}
