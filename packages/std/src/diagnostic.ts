// Where something came from and what is wrong with it; every expected failure is one of these values.

/** A place that somebody wrote: a position in a file, or an object at a revision. Lines and columns count from 1. */
export interface Origin {
  readonly file?: string;
  readonly line?: number;
  readonly column?: number;
  /** `Kind/namespace/name`. */
  readonly object?: string;
  readonly revision?: number;
}

export type Severity = 'error' | 'warning';

/** An expected failure: what is wrong, where, and what to do about it. */
export interface Diagnostic {
  readonly severity: Severity;
  /** Stable, kebab-case, for tools: `unknown-field`. */
  readonly code: string;
  readonly message: string;
  /** What to write or do instead. */
  readonly remedy?: string;
  readonly origin?: Origin;
  /** Path of the field inside the object: `spec.http[0].route[1].weight`. */
  readonly field?: string;
}

export type Result<T> =
  | { readonly ok: true; readonly value: T; readonly warnings: readonly Diagnostic[] }
  | { readonly ok: false; readonly diagnostics: readonly Diagnostic[] };

export const succeed = <T>(value: T, warnings: readonly Diagnostic[] = []): Result<T> => ({
  ok: true,
  value,
  warnings,
});

export const fail = (...diagnostics: readonly Diagnostic[]): Result<never> => ({ ok: false, diagnostics });

/** `file:line:column`, or the object where there is no file. */
export function formatOrigin(origin: Origin): string {
  if (origin.file === undefined) return origin.object ?? 'unknown place';
  const line = origin.line === undefined ? '' : `:${origin.line}`;
  const column = origin.line === undefined || origin.column === undefined ? '' : `:${origin.column}`;
  return `${origin.file}${line}${column}`;
}

/** One line: place, severity, field, message, remedy. */
export function formatDiagnostic(diagnostic: Diagnostic): string {
  const place = diagnostic.origin === undefined ? '' : `${formatOrigin(diagnostic.origin)}: `;
  const field = diagnostic.field === undefined ? '' : `${diagnostic.field}: `;
  const remedy = diagnostic.remedy === undefined ? '' : `; ${diagnostic.remedy}`;
  return `${place}${diagnostic.severity}: ${field}${diagnostic.message}${remedy} [${diagnostic.code}]`;
}
