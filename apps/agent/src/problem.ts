// Expected failures of the agent as values, and other people's errors in words.
import { type Diagnostic, fail, formatDiagnostic, type Result } from '@xebec/std';

interface Problem {
  readonly code: string;
  readonly message: string;
  readonly remedy: string;
}

export const refuse = (problem: Problem): Result<never> => fail({ severity: 'error', ...problem });

export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** `EADDRINUSE` and its like. */
export function errorCodeOf(error: unknown): string | undefined {
  const code: unknown = error instanceof Error ? Reflect.get(error, 'code') : undefined;
  return typeof code === 'string' ? code : undefined;
}

/** All diagnostics in one line. */
export const inWords = (diagnostics: readonly Diagnostic[]): string =>
  diagnostics.map(formatDiagnostic).join('; ');
