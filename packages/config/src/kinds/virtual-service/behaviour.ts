// What happens to a request on its way: retries, faults, CORS and mirrors.
import {
  andThen,
  boolean,
  count,
  type Decoder,
  integer,
  list,
  oneOf,
  quote,
  text,
} from '../../decode/decoder.ts';
import { impossible } from '../../decode/impossible.ts';
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
  retryIgnorePreviousHosts: optional(boolean),
};

/** No attempts switch retries off; then nothing else may be said about them. */
export const retries: Decoder<RetrySpec> = andThen(
  object(retryShape),
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

/** Whole percents, the older way to write `percentage`. */
export const percent = integer(0, 100);

const delayShape = {
  fixedDelay: optional(positiveDuration),
  exponentialDelay: optional(
    impossible('Envoy has no delays of random length', 'write fixedDelay, with a percentage'),
  ),
  percentage: optional(percentage),
  percent: optional(percent),
};

const delay = andThen(object(delayShape), (value: Decoded<typeof delayShape>, walk) => {
  if (value.fixedDelay === undefined) {
    const message = 'the field "fixedDelay" is missing';
    return refuse(walk, { code: 'missing-field', message, remedy: 'add "fixedDelay"' });
  }
  return { fixedDelayMs: value.fixedDelay, percent: percentOf(value, 'delayed', walk) };
});

const abortShape = {
  httpStatus: optional(httpStatus),
  grpcStatus: optional(grpcStatus),
  http2Error: optional(
    impossible('Envoy cannot reset a stream with a code of your choice', 'write httpStatus or grpcStatus'),
  ),
  percentage: optional(percentage),
  percent: optional(percent),
};

const abort = andThen(object(abortShape), (value: Decoded<typeof abortShape>, walk) => {
  if (!exactlyOne(value, ['httpStatus', 'grpcStatus'], walk)) return undefined;
  const { percentage: _percentage, percent: _percent, http2Error: _error, ...status } = value;
  return { ...status, percent: percentOf(value, 'aborted', walk) };
});

interface Shares {
  readonly percentage?: number;
  readonly percent?: number;
}

function percentOf(written: Shares, what: string, walk: Walk): number {
  const share = written.percentage ?? written.percent;
  if (share === undefined) {
    const message = `no request is ${what} without a percentage`;
    caution(walk, { code: 'field-has-no-effect', message, remedy: 'add percentage: {value: 100}' });
  }
  return share ?? 0;
}

export const fault: Decoder<FaultSpec> = andThen(
  object({ delay: optional(delay), abort: optional(abort) }),
  (value, walk) =>
    value.delay === undefined && value.abort === undefined
      ? refuse(walk, { code: 'missing-field', message: 'needs delay or abort', remedy: 'add one of them' })
      : value,
);

const origins: Decoder<readonly StringMatch[]> = andThen(list(text, { most: 1_000 }), (values) =>
  values.map((value) => ({ kind: 'exact', value })),
);

const corsShape = {
  allowOrigins: optional<readonly StringMatch[]>(list(nonEmptyStringMatch, { most: 1_000 })),
  allowOrigin: optional(origins),
  allowMethods: withDefault<readonly string[]>(list(httpMethod, { most: 100 }), []),
  allowHeaders: withDefault<readonly string[]>(list(headerName, { most: 1_000 }), []),
  exposeHeaders: withDefault<readonly string[]>(list(headerName, { most: 1_000 }), []),
  maxAge: optional(durationOrZero),
  allowCredentials: optional(boolean),
  unmatchedPreflights: withDefault(oneOf('UNSPECIFIED', 'FORWARD', 'IGNORE'), 'FORWARD'),
};

/** `allowOrigin` lists texts, and `*` for every origin; `allowOrigins` came after it and holds alone. */
export const cors: Decoder<CorsSpec> = andThen(
  object(corsShape),
  (
    { maxAge, allowOrigin, allowOrigins, unmatchedPreflights, ...value }: Decoded<typeof corsShape>,
    walk,
  ): CorsSpec | undefined => {
    if (allowOrigin !== undefined && allowOrigins !== undefined) {
      const message = 'allowOrigin and allowOrigins exclude each other';
      return refuse(
        walk,
        { code: 'conflicting-fields', message, remedy: 'keep allowOrigins' },
        'allowOrigin',
      );
    }
    return {
      allowOrigins: allowOrigins ?? allowOrigin ?? [],
      ...value,
      unmatchedPreflights: unmatchedPreflights === 'IGNORE' ? 'IGNORE' : 'FORWARD',
      ...(maxAge === undefined ? {} : { maxAgeMs: maxAge }),
    };
  },
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
