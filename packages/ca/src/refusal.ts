// Builds the failure values of this package; a refusal never carries a key, a token or the bytes that were refused.
import { type Diagnostic, fail, type Result } from '@xebec/std';

/** What is wrong, what to do, and the file it concerns. */
export interface Refusal {
  readonly code: string;
  readonly message: string;
  readonly remedy: string;
  readonly file?: string;
}

export const refusalDiagnostic = ({ code, message, remedy, file }: Refusal): Diagnostic => ({
  severity: 'error',
  code,
  message,
  remedy,
  ...(file === undefined ? {} : { origin: { file } }),
});

export const refuse = (refusal: Refusal): Result<never> => fail(refusalDiagnostic(refusal));
