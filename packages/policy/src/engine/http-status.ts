// How a refusal is answered over HTTP, the same by the policy service and by proxies that refuse by themselves.
import type { Status } from '../adapters/sdk.ts';

/** Names and HTTP statuses of `google.rpc.Code`, by code. */
const codes: readonly (readonly [name: string, httpStatus: number])[] = [
  ['OK', 200],
  ['CANCELLED', 499],
  ['UNKNOWN', 500],
  ['INVALID_ARGUMENT', 400],
  ['DEADLINE_EXCEEDED', 504],
  ['NOT_FOUND', 404],
  ['ALREADY_EXISTS', 409],
  ['PERMISSION_DENIED', 403],
  ['RESOURCE_EXHAUSTED', 429],
  ['FAILED_PRECONDITION', 400],
  ['ABORTED', 409],
  ['OUT_OF_RANGE', 400],
  ['UNIMPLEMENTED', 501],
  ['INTERNAL', 500],
  ['UNAVAILABLE', 503],
  ['DATA_LOSS', 500],
  ['UNAUTHENTICATED', 401],
];

export const httpStatusOf = (code: number): number => codes[code]?.[1] ?? 500;

export const codeName = (code: number): string => codes[code]?.[0] ?? 'UNKNOWN';

/** `PERMISSION_DENIED:handler.namespace:message`, Mixer's form. `handler` is `NAME.NAMESPACE`. */
export const refusalBody = ({ code, message }: Status, handler: string): string =>
  `${codeName(code)}:${handler}:${message}`;
