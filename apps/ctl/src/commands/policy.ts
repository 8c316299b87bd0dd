// xebec policy: the policy service, and what it would decide.
import { type DefineCommand, newCommand } from './command.ts';
import { definePolicyEdges } from './policy-edges.ts';
import { definePolicyEval } from './policy-eval.ts';
import { definePolicyCheck, definePolicyHandlers, definePolicyRules } from './policy-inspect.ts';
import { definePolicyProto } from './policy-proto.ts';
import { definePolicyServe } from './policy-serve.ts';
import { definePolicyToken } from './policy-token.ts';

export const definePolicy: DefineCommand = (cli, finish) => {
  const policy = newCommand(
    'policy',
    'run a policy service, see what its rules did, and try what they would do',
  );
  definePolicyServe(policy, cli, finish);
  for (const define of [
    definePolicyRules,
    definePolicyHandlers,
    definePolicyEdges,
    definePolicyCheck,
    definePolicyToken,
  ])
    policy.addCommand(define(cli, finish));
  return policy.addCommand(definePolicyEval(cli, finish)).addCommand(definePolicyProto(cli, finish));
};
