// Answers to Mixer's clients.
import { create } from '@bufbuild/protobuf';
import type { HeaderOperation, QuotaVerdict } from '@xebec/policy';
import {
  type CheckResponse,
  CheckResponse_PreconditionResultSchema,
  CheckResponse_QuotaResultSchema,
  CheckResponseSchema,
  HeaderOperationSchema,
  HeaderOperation_Operation as Operation,
  type RouteDirective,
  RouteDirectiveSchema,
} from '@xebec/protos/istio/mixer/v1/mixer_pb';
import type { Decision } from '../calls/policy-calls.ts';
import { statusOf, usesOf } from '../own/answers.ts';
import { protoDurationOfMs } from '../rpc/times.ts';
import { writeReferences } from './references.ts';

export function mixerAnswer(decision: Decision, knownWords: number): CheckResponse {
  const { outcome, comparable } = decision;
  const route = routeOf(decision);
  const referenced = (verdict: Parameters<typeof comparable>[0]) =>
    writeReferences(comparable(verdict), knownWords);
  return create(CheckResponseSchema, {
    precondition: create(CheckResponse_PreconditionResultSchema, {
      status: statusOf(outcome.status),
      validDuration: protoDurationOfMs(outcome.validDurationMs),
      validUseCount: usesOf(outcome.validUseCount),
      referencedAttributes: referenced(outcome.references),
      ...(route === undefined ? {} : { routeDirective: route }),
    }),
    quotas: Object.fromEntries(
      [...outcome.quotas].map(([name, verdict]) => [
        name,
        quotaResult(verdict, referenced(verdict.references)),
      ]),
    ),
  });
}

const quotaResult = (
  { status, granted, validDurationMs }: QuotaVerdict,
  referencedAttributes: ReturnType<typeof writeReferences>,
) =>
  create(CheckResponse_QuotaResultSchema, {
    status: statusOf(status),
    grantedAmount: granted,
    validDuration: protoDurationOfMs(validDurationMs),
    referencedAttributes,
  });

const operationsOf = (operations: readonly HeaderOperation[]) =>
  operations.flatMap(({ name, operation, values }) =>
    (values.length === 0 ? [''] : values).map((value) =>
      create(HeaderOperationSchema, { name, value, operation: Operation[operation] }),
    ),
  );

function routeOf({ outcome }: Decision): RouteDirective | undefined {
  const { requestHeaders, responseHeaders, directResponse } = outcome;
  if (requestHeaders.length + responseHeaders.length === 0 && directResponse === undefined) return undefined;
  const headers = Object.entries(directResponse?.headers ?? {}).map(
    ([name, value]): HeaderOperation => ({ name, operation: 'REPLACE', values: [value] }),
  );
  return create(RouteDirectiveSchema, {
    requestHeaderOperations: operationsOf(requestHeaders),
    responseHeaderOperations: operationsOf([...responseHeaders, ...headers]),
    directResponseCode: directResponse?.httpStatus ?? 0,
    directResponseBody: directResponse?.body ?? '',
  });
}
