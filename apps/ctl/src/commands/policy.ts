// xebec policy: the policy service, and what it would decide.
import { type DefineCommand, newCommand } from './command.ts';
import { definePolicyEval } from './policy-eval.ts';
import { definePolicyServe } from './policy-serve.ts';

export const definePolicy: DefineCommand = (cli, finish) => {
  const policy = newCommand('policy', 'run a policy service, or try what it decides with');
  definePolicyServe(policy, cli, finish);
  return policy.addCommand(definePolicyEval(cli, finish));
};
