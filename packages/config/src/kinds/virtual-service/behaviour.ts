// What happens to a request on its way: retries, faults, CORS and mirrors.
import { andThen, boolean, count, type Decoder, list, quote, text } from '../../decode/decoder.ts';
import { type Decoded, exactlyOne, object, optional, required, withDefault } from '../../decode/object.ts';
import { suggestion } from '../../decode/suggest.ts';
import { caution, refuse, type Walk } from '../../decode/walk.ts';
import { durationOrZero, positiveDuration } from '../../values/duration.ts';
import { headerName, httpMethod, httpStatus } from '../../values/http.ts';
import { percentage as share } from '../../values/numbers.ts';
import type { StringMatch } from '../../values/shapes.ts';
import { nonEmptyStringMatch } from '../../values/string-match.ts';
import { destination } from './destination.ts';
import type { CorsSpec, FaultSpec, MirrorSpec, RetrySpec } from './spec.ts';

const retryReasons = [
  '5xx',
  'gateway-error',
  'reset',
  'reset-before-request',
  'connect-failure',
  'envoy-ratelimited',
  'retriable-4xx',
  'refused-stream',
  'retriable-status-codes',
  'retriable-headers',
  'http3-post-connect-failure',
  'cancelled',
  'deadline-exceeded',
  'internal',
  'resource-exhausted',
  'unavailable',
];

const retryOn: Decoder<string> = andThen(text, (written, walk) => {
  const reasons = written.split(',').map((reason) => reason.trim());
  const unknown = reasons.find((reason) => !retryReasons.includes(reason) && !/^[1-5]\d\d$/.test(reason));
  if (unknown === undefined || written === '') return reasons.join(',');
  return refuse(walk, {
    code: 'unknown-value',
    message: `${quote(unknown)} is not a reason to retry`,
    remedy: suggestion(unknown, [...retryReasons, 'a status code such as 503']),
  });
});

const retryShape = {
  attempts: withDefault(count, 0),
  perTryTimeout: optional(durationOrZero),
  retryOn: withDefault(retryOn, ''),
  backoff: optional(positiveDuration),
  retryRemoteLocalities: withDefault(boolean, false),
};

/** No attempts switch retries off; then nothing else may be said about them. */
export const retries: Decoder<RetrySpec> = andThen(
  object(retryShape, { later: ['retryIgnorePreviousHosts'] }),
  (value: Decoded<typeof retryShape>, walk: Walk): RetrySpec | undefined => {
    const { perTryTimeout, backoff, ...rest } = value;
    if (
      rest.attempts === 0 &&
      (perTryTimeout !== undefined || rest.retryOn !== '' || backoff !== undefined)
    ) {
      const message = 'there is nothing to retry without attempts';
      return refuse(walk, { code: 'missing-field', message, remedy: 'add attempts' });
    }
    return {
      ...rest,
      ...(perTryTimeout === undefined || perTryTimeout === 0 ? {} : { perTryTimeoutMs: perTryTimeout }),
      ...(backoff === undefined ? {} : { backoffMs: backoff }),
    };
  },
);

/** `{value: 12.5}`. */
export const percentage: Decoder<number> = andThen(
  object({ value: withDefault(share, 0) }),
  ({ value }) => value,
);

const grpcStatuses = [
  'OK',
  'CANCELLED',
  'UNKNOWN',
  'INVALID_ARGUMENT',
  'DEADLINE_EXCEEDED',
  'NOT_FOUND',
  'ALREADY_EXISTS',
  'PERMISSION_DENIED',
  'RESOURCE_EXHAUSTED',
  'FAILED_PRECONDITION',
  'ABORTED',
  'OUT_OF_RANGE',
  'UNIMPLEMENTED',
  'INTERNAL',
  'UNAVAILABLE',
  'DATA_LOSS',
  'UNAUTHENTICATED',
];

const grpcStatus: Decoder<string> = andThen(text, (written, walk) =>
  grpcStatuses.includes(written)
    ? written
    : refuse(walk, {
        code: 'unknown-value',
        message: `${quote(written)} is not a gRPC status`,
        remedy: suggestion(written, grpcStatuses),
      }),
);

const delay = andThen(
  object(
    { fixedDelay: required(positiveDuration), percentage: optional(percentage) },
    { later: ['percent', 'exponentialDelay'] },
  ),
  (value, walk) => ({
    fixedDelayMs: value.fixedDelay,
    percent: percentOf(value.percentage, 'delayed', walk),
  }),
);

const abort = andThen(
  object(
    { httpStatus: optional(httpStatus), grpcStatus: optional(grpcStatus), percentage: optional(percentage) },
    { later: ['http2Error', 'percent'] },
  ),
  (value, walk) => {
    if (!exactlyOne(value, ['httpStatus', 'grpcStatus'], walk)) return undefined;
    const { percentage: written, ...status } = value;
    return { ...status, percent: percentOf(written, 'aborted', walk) };
  },
);

function percentOf(written: number | undefined, what: string, walk: Walk): number {
  if (written === undefined) {
    const message = `no request is ${what} without a percentage`;
    caution(walk, { code: 'field-has-no-effect', message, remedy: 'add percentage: {value: 100}' });
  }
  return written ?? 0;
}

export const fault: Decoder<FaultSpec> = andThen(
  object({ delay: optional(delay), abort: optional(abort) }),
  (value, walk) =>
    value.delay === undefined && value.abort === undefined
      ? refuse(walk, { code: 'missing-field', message: 'needs delay or abort', remedy: 'add one of them' })
      : value,
);

const corsShape = {
  allowOrigins: withDefault<readonly StringMatch[]>(list(nonEmptyStringMatch, { most: 1_000 }), []),
  allowMethods: withDefault<readonly string[]>(list(httpMethod, { most: 100 }), []),
  allowHeaders: withDefault<readonly string[]>(list(headerName, { most: 1_000 }), []),
  exposeHeaders: withDefault<readonly string[]>(list(headerName, { most: 1_000 }), []),
  maxAge: optional(durationOrZero),
  allowCredentials: optional(boolean),
};

export const cors: Decoder<CorsSpec> = andThen(
  object(corsShape, { later: ['allowOrigin', 'unmatchedPreflights'] }),
  ({ maxAge, ...value }: Decoded<typeof corsShape>): CorsSpec =>
    maxAge === undefined ? value : { ...value, maxAgeMs: maxAge },
);

const mirrorEntry = object({
  destination: required(destination),
  percentage: withDefault(percentage, 100),
});

/** `mirrors`: each with its own share, 100 % by default. */
export const mirrors: Decoder<readonly MirrorSpec[]> = andThen(list(mirrorEntry, { most: 100 }), (entries) =>
  entries.map((entry, index) => ({
    destination: entry.destination,
    percent: entry.percentage,
    field: `mirrors[${index}]`,
  })),
);
