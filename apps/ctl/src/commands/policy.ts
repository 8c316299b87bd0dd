// xebec policy: the policy service, and what it would decide.
import { type DefineCommand, newCommand } from './command.ts';
import { definePolicyServe } from './policy-serve.ts';

export const definePolicy: DefineCommand = (cli, finish) => {
  const policy = newCommand('policy', 'run a policy service');
  definePolicyServe(policy, cli, finish);
  return policy;
};
