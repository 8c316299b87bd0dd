// xebec policy token: lets a program without a sidecar say who it is.
import { Option } from 'commander';
import { durationArgument, namespaceOption, stateOption } from '../options/shared-options.ts';
import { type DefineCommand, newCommand } from './command.ts';

export interface PolicyTokenOptions {
  readonly namespace: string;
  readonly ttl: number;
  readonly state?: string;
}

const hourMs = 3_600_000;

const examples = [
  'xebec policy token trainer --namespace ml --ttl 24h > token',
  'curl -H "authorization: Bearer $(cat token)" http://127.0.0.1:9091/v1/check -d "{}" -H content-type:application/json',
];

export const definePolicyToken: DefineCommand = (cli, finish) =>
  newCommand('token', 'a token by which a program asks the policy service as a service account', examples)
    .argument('<service-account>', 'name of the service account')
    .addOption(namespaceOption())
    .addOption(
      new Option('--ttl <duration>', 'how long it is good, 30 days at most')
        .argParser(durationArgument)
        .default(hourMs, '1h'),
    )
    .addOption(stateOption())
    .action(async (serviceAccount: string, options: PolicyTokenOptions) => {
      const { printToken } = await import('../policy/token.ts');
      finish(await printToken(cli, serviceAccount, options));
    });
