// `xebec.policy.v1.Policy`: the API that programs are meant to use.
import { create } from '@bufbuild/protobuf';
import {
  AllocateQuotaResponseSchema,
  InspectQuotaResponseSchema,
  Policy,
  ReleaseQuotaResponseSchema,
} from '@xebec/protos/xebec/policy/v1/policy_pb';
import type { Asking, PolicyCalls } from '../calls/policy-calls.ts';
import type { Gate } from '../rpc/gate.ts';
import { isRefusal } from '../rpc/refusal.ts';
import { streamMethod } from '../rpc/streams.ts';
import { type CallContext, type Method, unaryMethod } from '../rpc/unary.ts';
import { quotaAnswer } from './answers.ts';
import { allocate, answerCheck, answerReport, inspect, release } from './requests.ts';
import { openSession } from './session.ts';

export function policyMethods(gate: Gate, calls: PolicyCalls, open: Set<() => void>): readonly Method[] {
  const door = { door: 'grpc', callers: 'apps', gate } as const;
  const by = ({ caller, signal }: CallContext): Asking => ({ door: 'grpc', caller, signal });
  const { method } = Policy;
  return [
    unaryMethod(door, method.check, (request, context) => answerCheck(calls, by(context), request)),
    unaryMethod(door, method.report, (request, context) => answerReport(calls, by(context), request)),
    unaryMethod(door, method.allocateQuota, async (request, context) => {
      const taken = await allocate(calls, by(context), request);
      return isRefusal(taken)
        ? taken
        : create(AllocateQuotaResponseSchema, { result: quotaAnswer(taken.verdict) });
    }),
    unaryMethod(door, method.releaseQuota, async (request, context) => {
      const given = await release(calls, by(context), request);
      return isRefusal(given) ? given : create(ReleaseQuotaResponseSchema, { result: quotaAnswer(given) });
    }),
    unaryMethod(door, method.inspectQuota, async (request, context) => {
      const seen = await inspect(calls, by(context), request);
      return isRefusal(seen) ? seen : create(InspectQuotaResponseSchema, { result: quotaAnswer(seen) });
    }),
    streamMethod({ ...door, open }, method.session, ({ caller, send }) =>
      openSession(calls, { door: 'grpc', caller }, send),
    ),
  ];
}
