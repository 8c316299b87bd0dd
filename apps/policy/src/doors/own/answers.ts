// Answers of the own API.
import { create } from '@bufbuild/protobuf';
import type { AttributeReference, HeaderOperation, QuotaVerdict, Status } from '@xebec/policy';
import { type Status as ProtoStatus, StatusSchema } from '@xebec/protos/google/rpc/status_pb';
import {
  type CheckResponse,
  CheckResponseSchema,
  HeaderOperation_Operation as Operation,
  type QuotaResult,
  QuotaResultSchema,
} from '@xebec/protos/xebec/policy/v1/policy_pb';
import type { Decision } from '../calls/policy-calls.ts';
import { protoDurationOfMs } from '../rpc/times.ts';

export const statusOf = ({ code, message }: Status): ProtoStatus => create(StatusSchema, { code, message });

const mostUses = 2 ** 31 - 1;

export const usesOf = (count: number): number => Math.max(0, Math.min(Math.trunc(count), mostUses));

const referenceOf = ({ name, key, isPresent }: AttributeReference) => ({
  $typeName: 'xebec.policy.v1.Reference' as const,
  name,
  key: key ?? '',
  isPresent,
});

const operationOf = ({ name, operation, values }: HeaderOperation) => ({
  $typeName: 'xebec.policy.v1.HeaderOperation' as const,
  name,
  operation: Operation[operation],
  values: [...values],
});

export function checkAnswer({ outcome, dropped, comparable }: Decision): CheckResponse {
  const { directResponse } = outcome;
  return create(CheckResponseSchema, {
    status: statusOf(outcome.status),
    validDuration: protoDurationOfMs(outcome.validDurationMs),
    validUseCount: usesOf(outcome.validUseCount),
    references: comparable(outcome.references).map(referenceOf),
    requestHeaders: outcome.requestHeaders.map(operationOf),
    responseHeaders: outcome.responseHeaders.map(operationOf),
    ...(directResponse === undefined
      ? {}
      : { directResponse: { ...directResponse, headers: { ...directResponse.headers } } }),
    quotas: Object.fromEntries(
      [...outcome.quotas].map(([name, verdict]) => [
        name,
        quotaAnswer(verdict, comparable(verdict.references)),
      ]),
    ),
    rules: outcome.rules.map(({ rule, handler, status }) => ({ rule, handler, status: statusOf(status) })),
    dropped: dropped.map(({ name, reason }) => ({ name, reason })),
  });
}

export function quotaAnswer(
  verdict: QuotaVerdict,
  references: readonly AttributeReference[] = [],
): QuotaResult {
  const { status, granted, validDurationMs, limit, remaining, resetMs } = verdict;
  return create(QuotaResultSchema, {
    status: statusOf(status),
    granted,
    validDuration: protoDurationOfMs(validDurationMs),
    references: references.map(referenceOf),
    ...(limit === undefined ? {} : { limit }),
    ...(remaining === undefined ? {} : { remaining }),
    ...(resetMs === undefined ? {} : { resetsIn: protoDurationOfMs(resetMs) }),
  });
}
