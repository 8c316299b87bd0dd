// When a process that ended is started again: at once the first time, then later and later, never all at the same moment.

export interface RestartPolicy {
  readonly when: 'always' | 'on-failure' | 'never';
  /** Before the second start; default 200. It doubles with every start after that. */
  readonly firstDelayMs?: number;
  /** Default 30000. */
  readonly longestDelayMs?: number;
  /** A process that ran this long starts afresh, without a history of failures; default 10000. */
  readonly forgiveAfterMs?: number;
}

export interface Ending {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** Why it could not even be started. */
  readonly reason?: string;
}

/** True when this ending calls for another start. */
export function callsForRestart(policy: RestartPolicy, ending: Ending): boolean {
  if (policy.when === 'never') return false;
  return policy.when === 'always' || ending.code !== 0;
}

/** Milliseconds until the next start after `failures` endings in a row; `random` is in [0, 1). */
export function restartDelayMs(policy: RestartPolicy, failures: number, random: () => number): number {
  const { firstDelayMs = 200, longestDelayMs = 30_000 } = policy;
  const doubled = firstDelayMs * 2 ** Math.min(30, Math.max(0, failures - 1));
  return Math.round(Math.min(longestDelayMs, doubled) * (0.75 + random() * 0.5));
}
