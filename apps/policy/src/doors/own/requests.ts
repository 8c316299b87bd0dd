// Requests of the own API as calls.
import { create } from '@bufbuild/protobuf';
import {
  type AllocateQuotaRequest,
  type CheckRequest,
  type CheckResponse,
  type InspectQuotaRequest,
  type ReleaseQuotaRequest,
  type ReportRequest,
  type ReportResponse,
  ReportResponseSchema,
} from '@xebec/protos/xebec/policy/v1/policy_pb';
import type { Allocation, Asking, PolicyCalls } from '../calls/policy-calls.ts';
import { isRefusal, type Refusal } from '../rpc/refusal.ts';
import { checkAnswer } from './answers.ts';
import { attributesSaid, bagsSaid } from './values.ts';

export async function answerCheck(
  calls: PolicyCalls,
  asking: Asking,
  request: CheckRequest,
): Promise<CheckResponse | Refusal> {
  const quotas = Object.entries(request.quotas).map(
    ([name, { amount, bestEffort }]) => [name, { amount, isBestEffort: bestEffort }] as const,
  );
  const decision = await calls.check(asking, {
    attributes: attributesSaid(request.attributes),
    quotas: new Map(quotas),
    deduplicationId: request.deduplicationId,
  });
  return isRefusal(decision) ? decision : checkAnswer(decision);
}

export async function answerReport(
  calls: PolicyCalls,
  asking: Asking,
  request: ReportRequest,
): Promise<ReportResponse | Refusal> {
  const { attributes, isDelta, deduplicationId } = request;
  const taken = await calls.report(asking, bagsSaid(attributes, isDelta), deduplicationId);
  if (isRefusal(taken)) return taken;
  return create(ReportResponseSchema, {
    accepted: BigInt(taken.accepted),
    droppedAttributes: BigInt(taken.dropped),
    isRepeated: taken.isRepeated === true,
  });
}

export const allocate = (
  calls: PolicyCalls,
  asking: Asking,
  { quota, amount, bestEffort, attributes, deduplicationId }: AllocateQuotaRequest,
): Promise<Allocation | Refusal> =>
  calls.allocate(asking, {
    ...{ quota, amount, deduplicationId },
    isBestEffort: bestEffort,
    attributes: attributesSaid(attributes),
  });

export const release = (
  calls: PolicyCalls,
  asking: Asking,
  { quota, amount, deduplicationId }: ReleaseQuotaRequest,
): ReturnType<PolicyCalls['release']> => calls.release(asking, { quota, amount, deduplicationId });

export const inspect = (
  calls: PolicyCalls,
  asking: Asking,
  { quota, attributes }: InspectQuotaRequest,
): ReturnType<PolicyCalls['inspect']> => calls.inspect(asking, quota, attributesSaid(attributes));
