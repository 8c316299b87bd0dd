// What a rule changes in the filters on its path: fault injection and CORS.
import type { Any } from '@bufbuild/protobuf/wkt';
import type { Cors, Fault, HttpRule } from '@xebec/model';
import { anyOf } from '@xebec/protos';
import { CorsPolicySchema } from '@xebec/protos/envoy/extensions/filters/http/cors/v3/cors_pb';
import { HTTPFaultSchema } from '@xebec/protos/envoy/extensions/filters/http/fault/v3/fault_pb';
import { FractionalPercent_DenominatorType } from '@xebec/protos/envoy/type/v3/percent_pb';
import { durationOf } from '../duration.ts';
import { encodeStringMatcher } from './matchers.ts';
import type { RequestPoint } from './request-point.ts';

export const faultFilter = 'envoy.filters.http.fault';
export const corsFilter = 'envoy.filters.http.cors';

/** gRPC clients inject faults too; CORS means nothing to them, and they refuse a filter they do not know. */
export function filterOverrides(rule: HttpRule, client: RequestPoint['client']): Record<string, Any> {
  return {
    ...(rule.fault === undefined || isAtDestination(rule, client)
      ? {}
      : { [faultFilter]: encodeFault(rule.fault) }),
    ...(rule.cors === undefined || client === 'grpc' ? {} : { [corsFilter]: encodeCors(rule.cors) }),
  };
}

/** Proxyless clients have no mutual TLS, by which the destination would believe them. */
export const isAtDestination = ({ fault }: HttpRule, client: RequestPoint['client']): boolean =>
  fault?.at === 'destination' && client === 'envoy';

/** 0–100 with four decimals. */
export const percentOf = (percent: number) => ({
  numerator: Math.round(percent * 10_000),
  denominator: FractionalPercent_DenominatorType.MILLION,
});

function encodeFault({ delay, abort }: Fault): Any {
  return anyOf(HTTPFaultSchema, {
    ...(delay === undefined
      ? {}
      : {
          delay: {
            percentage: percentOf(delay.percent),
            faultDelaySecifier: { case: 'fixedDelay', value: durationOf(delay.fixedDelayMs) },
          },
        }),
    ...(abort === undefined
      ? {}
      : {
          abort: {
            percentage: percentOf(abort.percent),
            errorType:
              abort.grpcStatus === undefined
                ? { case: 'httpStatus', value: abort.httpStatus ?? 503 }
                : { case: 'grpcStatus', value: grpcCode(abort.grpcStatus) },
          },
        }),
  });
}

const grpcCodes = [
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

export function grpcCode(status: string): number {
  const code = /^\d+$/.test(status) ? Number(status) : grpcCodes.indexOf(status);
  return code < 0 ? grpcCodes.indexOf('UNAVAILABLE') : code;
}

function encodeCors(cors: Cors): Any {
  return anyOf(CorsPolicySchema, {
    allowOriginStringMatch: cors.allowOrigins.map(encodeStringMatcher),
    allowMethods: cors.allowMethods.join(','),
    allowHeaders: cors.allowHeaders.join(','),
    exposeHeaders: cors.exposeHeaders.join(','),
    ...(cors.maxAgeMs === undefined ? {} : { maxAge: String(Math.round(cors.maxAgeMs / 1000)) }),
    ...(cors.allowCredentials === undefined ? {} : { allowCredentials: cors.allowCredentials }),
    ...(cors.unmatchedPreflights === 'IGNORE' ? { forwardNotMatchingPreflights: false } : {}),
    filterEnabled: { defaultValue: { numerator: 100 } },
  });
}
