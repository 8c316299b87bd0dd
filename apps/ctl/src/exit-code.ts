// The exit codes of every command: part of the contract that scripts rely on.

export const exitCode = {
  done: 0,
  /** Refused or failed. */
  failed: 1,
  wrongUsage: 2,
  /** `--wait` ran out of time. */
  timedOut: 3,
} as const;

export type ExitCode = (typeof exitCode)[keyof typeof exitCode];
