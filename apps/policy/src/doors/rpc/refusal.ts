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
  'nobody is known to call: send a token in "authorization: Bearer …", or call through the sidecar or with a client certificate of the mesh',
);

export const proxiesOnly: Refusal = refusal(
  status.PERMISSION_DENIED,
  'only proxies themselves call this method, and not for applications: programs use xebec.policy.v1.Policy, or JSON over HTTP',
);

export const malformed: Refusal = refusal(status.INVALID_ARGUMENT, 'not a message of this method');
