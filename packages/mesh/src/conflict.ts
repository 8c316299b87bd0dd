// Conflicts: what the mesh decided where objects contradict each other; always a warning, since traffic goes on.
import type { ObjectKey } from '@xebec/model';
import type { Diagnostic } from '@xebec/std';
import type { Reason } from './analysis/catalog.ts';

export interface Conflict {
  readonly code: Reason;
  /** The object that has to change. */
  readonly object: ObjectKey;
  readonly field?: string;
  readonly message: string;
  readonly remedy: string;
}

export const describeConflict = ({ code, object, field, message, remedy }: Conflict): Diagnostic => ({
  severity: 'warning',
  code,
  message,
  remedy,
  origin: { object },
  ...(field === undefined ? {} : { field }),
});

/** `CODE|OBJECT|FIELD|SUBJECT`: one row per decision. */
export const conflictKey = ({ code, object, field = '' }: Conflict, subject: string): string =>
  `${code}|${object}|${field}|${subject}`;

/** The row of a conflict. */
export const conflictRow = (conflict: Conflict, subject: string): readonly [string, Diagnostic] => [
  conflictKey(conflict, subject),
  describeConflict(conflict),
];

/** The rows of several conflicts about one subject; equal ones are one. */
export const conflictRows = (
  conflicts: readonly Conflict[],
  subject: string,
): Iterable<readonly [string, Diagnostic]> =>
  new Map(conflicts.map((conflict) => conflictRow(conflict, subject)));
