// The public surface of std.
export { assert, unreachable } from './assert.ts';
export type { Diagnostic, Origin, Result, Severity } from './diagnostic.ts';
export { fail, formatDiagnostic, formatOrigin, succeed } from './diagnostic.ts';
export { parseDurationMs } from './duration.ts';
export { deepEqual, stableStringify } from './equality.ts';
export { hashBytes, hashText } from './hash.ts';
