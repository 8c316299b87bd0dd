// Bytes written to sockets and not yet taken, over all streams. The rule: many streams at once wait for each other, but never for a stuck one.

/** One stream's share of the budget. */
export interface Share {
  /** Bytes written and not yet taken. */
  unsentBytes: number;
  /** The part of them that counts against the budget; a stuck stream's part is given back. */
  countedBytes: number;
  lastProgressMs: number;
}

export interface SendBudget {
  readonly limitBytes: number;
  usedBytes: number;
}

/** What one stream may have unsent before it waits for its own socket. */
const STREAM_WINDOW_BYTES = 128 * 1024;

export const createShare = (nowMs: number): Share => ({
  unsentBytes: 0,
  countedBytes: 0,
  lastProgressMs: nowMs,
});

export const canSend = (budget: SendBudget, share: Share): boolean =>
  share.unsentBytes < STREAM_WINDOW_BYTES && budget.usedBytes < budget.limitBytes;

export function spend(budget: SendBudget, share: Share, bytes: number, nowMs: number): void {
  if (share.unsentBytes === 0) share.lastProgressMs = nowMs;
  share.unsentBytes += bytes;
  share.countedBytes += bytes;
  budget.usedBytes += bytes;
}

export function refund(budget: SendBudget, share: Share, bytes: number, nowMs: number): void {
  share.unsentBytes -= bytes;
  share.lastProgressMs = nowMs;
  const counted = Math.min(bytes, share.countedBytes);
  share.countedBytes -= counted;
  budget.usedBytes -= counted;
}

/** Gives a stuck stream's bytes back to the others. */
export function forgive(budget: SendBudget, share: Share): void {
  budget.usedBytes -= share.countedBytes;
  share.countedBytes = 0;
}
