// References to what somebody wrote; carried by everything that is derived from it.

/** `Kind/namespace/name`; cluster-scoped kinds have an empty namespace. */
export type ObjectKey = `${string}/${string}/${string}`;

/**
 * What caused a derived value. It names the object and the field inside it, never a line: lines move when
 * somebody edits above them, and a moved line must not change a byte in any proxy. The store turns it into
 * file:line:column when a person asks.
 */
export interface Cause {
  readonly object: ObjectKey;
  /** `spec.http[1]`; the whole object when absent. */
  readonly field?: string;
}
