// A call that is not answered, and what the caller is told. Expected, so a value and no error.
import { status } from '@grpc/grpc-js';

export interface Refusal {
  readonly kind: 'refusal';
  readonly code: status;
  readonly details: string;
}

export const refusal = (code: status, details: string): Refusal => ({ kind: 'refusal', code, details });

export const isRefusal = (answer: object): answer is Refusal => 'kind' in answer && answer.kind === 'refusal';

export const unknownCaller: Refusal = refusal(
  status.UNAUTHENTICATED,
  'a client certificate of the mesh or a token is required',
);

export const malformed: Refusal = refusal(status.INVALID_ARGUMENT, 'not a message of this method');
