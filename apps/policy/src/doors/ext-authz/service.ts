// `envoy.service.auth.v3.Authorization`: Envoy asks before it lets a request or a connection through.
import { status } from '@grpc/grpc-js';
import type { CheckCall } from '@xebec/policy';
import { Authorization } from '@xebec/protos/envoy/service/auth/v3/external_auth_pb';
import { proxySideOf } from '../proxies/side.ts';
import type { Gate } from '../rpc/gate.ts';
import { isRefusal, refusal } from '../rpc/refusal.ts';
import { type Method, unaryMethod } from '../rpc/unary.ts';
import { authorizationAnswer } from './answers.ts';
import { describeCheck } from './attributes.ts';

const door = 'ext-authz';

/** An error is no decision: the proxy then does what its filter says about failures. */
export function authorizationMethods(gate: Gate): readonly Method[] {
  return [
    unaryMethod({ door, callers: 'proxies', gate }, Authorization.method.check, async (request, context) => {
      const side = proxySideOf(context.caller, context.metadata, gate.workloads);
      if (isRefusal(side)) return side;
      const { attributes: said } = request;
      if (said === undefined) return refusal(status.INVALID_ARGUMENT, 'a check has attributes');
      const bag = gate.newBag(door);
      describeCheck(bag, side, said, gate.workloads);
      const { failurePolicy, assignedQuotas, isPassing } = side;
      const call: CheckCall = {
        attributes: bag.bag,
        isKeptByNobody: true,
        ...(failurePolicy === undefined ? {} : { failurePolicy }),
        ...(isPassing === undefined ? {} : { isPassing }),
        ...(assignedQuotas === undefined ? {} : { assignedQuotas }),
      };
      const outcome = await gate.engine().check(call, context.signal);
      const answer = authorizationAnswer(outcome);
      gate.metrics.countDecision(door, answer.httpResponse.case === 'okResponse');
      for (const { status: granted } of outcome.quotas.values())
        gate.metrics.countQuota(door, granted.code === 0);
      return answer;
    }),
  ];
}
