// Faults that happen at the destination: the client's proxy asks for them with headers that only proven peers may send.

import { create } from '@bufbuild/protobuf';
import type { Fault } from '@xebec/model';
import { anyOf } from '@xebec/protos';
import { HeaderMutationSchema as MutationSchema } from '@xebec/protos/envoy/config/common/mutation_rules/v3/mutation_rules_pb';
import {
  HeaderValueOption_HeaderAppendAction,
  type HeaderValueOptionSchema,
} from '@xebec/protos/envoy/config/core/v3/base_pb';
import { TypedExtensionConfigSchema } from '@xebec/protos/envoy/config/core/v3/extension_pb';
import { HeaderMutationSchema } from '@xebec/protos/envoy/extensions/http/early_header_mutation/header_mutation/v3/header_mutation_pb';
import type { Fields } from '../resource.ts';
import { grpcCode, percentOf } from './filter-overrides.ts';

const prefix = 'x-envoy-fault-';
const abortStatus = `${prefix}abort-request`;
const abortGrpcStatus = `${prefix}abort-grpc-request`;
const abortShare = `${prefix}abort-request-percentage`;
const delay = `${prefix}delay-request`;
const delayShare = `${prefix}delay-request-percentage`;

/** All headers by which a fault can be asked for; the application never gets one. */
export const faultHeaders: readonly string[] = [abortStatus, abortGrpcStatus, abortShare, delay, delayShare];

/** Parts of a million, as `faultFilter` of the destination counts. */
const shareOf = (percent: number): string => String(percentOf(percent).numerator);

/** What a route adds to its requests. */
export function faultHeadersOf(fault: Fault): Fields<typeof HeaderValueOptionSchema>[] {
  const { abort } = fault;
  const values: readonly (readonly [string, string])[] = [
    ...(abort === undefined
      ? []
      : [
          abort.grpcStatus === undefined
            ? ([abortStatus, String(abort.httpStatus ?? 503)] as const)
            : ([abortGrpcStatus, String(grpcCode(abort.grpcStatus))] as const),
          [abortShare, shareOf(abort.percent)] as const,
        ]),
    ...(fault.delay === undefined
      ? []
      : ([
          [delay, String(fault.delay.fixedDelayMs)],
          [delayShare, shareOf(fault.delay.percent)],
        ] as const)),
  ];
  return values.map(([key, value]) => ({
    header: { key, value },
    appendAction: HeaderValueOption_HeaderAppendAction.OVERWRITE_IF_EXISTS_OR_ADD,
  }));
}

const removal = create(MutationSchema, {
  action: {
    case: 'removeOnMatch',
    value: { keyMatcher: { matchPattern: { case: 'prefix', value: prefix } } },
  },
});

/** Before anything is routed: a client outside, or an application, cannot ask for a fault. */
export const faultHeaderGuard = create(TypedExtensionConfigSchema, {
  name: 'envoy.http.early_header_mutation.header_mutation',
  typedConfig: anyOf(HeaderMutationSchema, { mutations: [removal] }),
});

/** A copy of a request is not made to fail. */
export const withoutFault = [removal];
