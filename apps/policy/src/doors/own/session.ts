// Many calls over one stream. The rule: what a session holds of quotas is given back when it ends, however it ends.
import { randomUUID } from 'node:crypto';
import { create } from '@bufbuild/protobuf';
import { status } from '@grpc/grpc-js';
import { StatusSchema } from '@xebec/protos/google/rpc/status_pb';
import {
  type AllocateQuotaRequest,
  AllocateQuotaResponseSchema,
  InspectQuotaResponseSchema,
  ReleaseQuotaResponseSchema,
  type SessionRequest,
  type SessionRequestSchema,
  type SessionResponse,
  SessionResponseSchema,
} from '@xebec/protos/xebec/policy/v1/policy_pb';
import type { Allocation, Asking, PolicyCalls } from '../calls/policy-calls.ts';
import { isRefusal, type Refusal, refusal } from '../rpc/refusal.ts';
import type { StreamHandler } from '../rpc/streams.ts';
import { quotaAnswer } from './answers.ts';
import { allocate, answerCheck, answerReport, inspect, release } from './requests.ts';

type Answer = SessionResponse['response'];

/** Allocations one session may hold. */
const mostHeld = 1_024;

export function openSession(
  calls: PolicyCalls,
  asking: Asking,
  send: (response: SessionResponse) => void,
): StreamHandler<typeof SessionRequestSchema> {
  const held = new Map<string, Allocation>();
  return {
    async take({ id, request }) {
      const answer = await answerOf({ calls, asking, held }, request);
      send(create(SessionResponseSchema, { id, response: isRefusal(answer) ? errorOf(answer) : answer }));
      return undefined;
    },
    async close() {
      await Promise.allSettled([...held.values()].map((allocation) => allocation.release()));
    },
  };
}

const errorOf = ({ code, details }: Refusal): Answer => ({
  case: 'error',
  value: create(StatusSchema, { code, message: details }),
});

interface Session {
  readonly calls: PolicyCalls;
  readonly asking: Asking;
  /** By quota and id; those without an id are one each. */
  readonly held: Map<string, Allocation>;
}

/** What was given back by its id is held no more. */
function hasRoom(held: Map<string, Allocation>): boolean {
  if (held.size < mostHeld) return true;
  for (const [key, allocation] of held) if (allocation.isGivenBack()) held.delete(key);
  return held.size < mostHeld;
}

function hold(
  held: Map<string, Allocation>,
  { quota, deduplicationId }: AllocateQuotaRequest,
  allocation: Allocation,
): void {
  const key = deduplicationId === '' ? randomUUID() : JSON.stringify([quota, deduplicationId]);
  if (held.get(key)?.isGivenBack() !== false) held.set(key, allocation);
}

async function answerOf(
  { calls, asking, held }: Session,
  request: SessionRequest['request'],
): Promise<Answer | Refusal> {
  switch (request.case) {
    case 'check': {
      const answer = await answerCheck(calls, asking, request.value);
      return isRefusal(answer) ? answer : { case: 'check', value: answer };
    }
    case 'report': {
      const answer = await answerReport(calls, asking, request.value);
      return isRefusal(answer) ? answer : { case: 'report', value: answer };
    }
    case 'allocate': {
      if (request.value.isHeld && !hasRoom(held))
        return refusal(status.RESOURCE_EXHAUSTED, `a session holds ${mostHeld} allocations at most`);
      const taken = await allocate(calls, asking, request.value);
      if (isRefusal(taken)) return taken;
      if (request.value.isHeld && taken.verdict.granted > 0n) hold(held, request.value, taken);
      return {
        case: 'allocate',
        value: create(AllocateQuotaResponseSchema, { result: quotaAnswer(taken.verdict) }),
      };
    }
    case 'release': {
      const given = await release(calls, asking, request.value);
      return isRefusal(given)
        ? given
        : { case: 'release', value: create(ReleaseQuotaResponseSchema, { result: quotaAnswer(given) }) };
    }
    case 'inspect': {
      const seen = await inspect(calls, asking, request.value);
      return isRefusal(seen)
        ? seen
        : { case: 'inspect', value: create(InspectQuotaResponseSchema, { result: quotaAnswer(seen) }) };
    }
    default:
      return refusal(
        status.INVALID_ARGUMENT,
        'a request of a session is a check, report, allocate, release or inspect',
      );
  }
}
