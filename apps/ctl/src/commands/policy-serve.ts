// xebec policy serve: a policy service by itself, in the foreground.
import { type Command, Option } from 'commander';
import type { Cli } from '../cli.ts';
import { type Ask, anonymousOption } from '../options/policy-options.ts';
import {
  durationArgument,
  listenArgument,
  openMetricsOption,
  stateOption,
} from '../options/shared-options.ts';
import type { Finish } from './command.ts';
import { type TokenFlags, withTokenOptions } from './identity-options.ts';

export interface PolicyServeFlags extends TokenFlags {
  readonly anonymous?: readonly Ask[];
  readonly state?: string;
  readonly controlPlane: string;
  readonly controlPlaneName?: string;
  readonly roots?: string;
  readonly tokenFile?: string;
  readonly trustDomain: string;
  readonly listen: string;
  readonly advertise?: string;
  readonly listenPlaintext?: string;
  readonly http: string;
  readonly openMetrics?: boolean;
  readonly certificateTtl?: number;
  readonly supervised?: boolean;
  readonly orAnyPort?: boolean;
}

const examples = `
Examples:
  xebec policy serve --state ./state
  xebec policy serve --control-plane mesh.example:15012 --roots root-cert.pem --token-file token --listen 0.0.0.0:15004 --advertise policy.example:15004`;

const address = (flags: string, what: string): Option => new Option(flags, what).argParser(listenArgument);

export function definePolicyServe(policy: Command, cli: Cli, finish: Finish): void {
  withTokenOptions(policy.command('serve'))
    .description('run a policy service: it follows the control plane and answers Check, Report and Quota')
    .addOption(stateOption())
    .addOption(
      address('--control-plane <host:port>', 'xDS port of the control plane').default('127.0.0.1:15012'),
    )
    .option(
      '--control-plane-name <name>',
      "name in the control plane's certificate (default: istiod.istio-system.svc)",
    )
    .option(
      '--token-file <file>',
      'a token for its identity: a join token, or one of Kubernetes (default: one that the control plane of the state directory gives)',
    )
    .option('--roots <file>', 'root certificates (default: ca/root-cert.pem in the state directory)')
    .option('--trust-domain <name>', 'trust domain of identities', 'cluster.local')
    .addOption(address('--listen <host:port>', 'gRPC, mutual TLS').default('127.0.0.1:15004'))
    .addOption(address('--advertise <host:port>', 'where proxies reach it (default: where it listens)'))
    .addOption(address('--listen-plaintext <host:port>', 'gRPC without TLS, loopback only'))
    .addOption(address('--http <host:port>', 'JSON, metrics and health').default('127.0.0.1:9091'))
    .addOption(anonymousOption())
    .addOption(openMetricsOption())
    .addOption(
      new Option('--certificate-ttl <duration>', 'life of the certificate to ask for').argParser(
        durationArgument,
      ),
    )
    .addOption(
      new Option(
        '--supervised',
        'the state directory is locked by the process that started this one',
      ).hideHelp(),
    )
    .addOption(new Option('--or-any-port', 'where a port is taken, listen at any that is free').hideHelp())
    .addHelpText('after', examples)
    .action(async (flags: PolicyServeFlags) => {
      const { runPolicyServeCommand } = await import('../parts/run-policy-service.ts');
      finish(await runPolicyServeCommand(cli, flags));
    });
}
