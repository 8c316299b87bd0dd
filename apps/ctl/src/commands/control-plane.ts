// xebec controlplane: the control plane by itself, in the foreground.
import { Option } from 'commander';
import { type BundleFlags, withBundleOptions } from '../options/bundle-options.ts';
import { type JwksFlags, jwksAllowOption, jwksRefreshOption } from '../options/jwks-options.ts';
import {
  auditSinkOption,
  durationArgument,
  listenArgument,
  openMetricsOption,
} from '../options/shared-options.ts';
import { type DefineCommand, newCommand } from './command.ts';
import { type IdentityFlags, withIdentityOptions } from './identity-options.ts';

export interface ControlPlaneFlags extends JwksFlags, IdentityFlags, BundleFlags {
  readonly openMetrics?: boolean;
  readonly configDir?: readonly string[];
  readonly recursive: boolean;
  readonly xds?: string;
  readonly xdsPlaintext?: string;
  readonly http?: string;
  readonly controlSocket?: string;
  readonly state?: string;
  readonly discovery: 'on-demand' | 'eager';
  readonly trustDomain: string;
  readonly clusterDomain: string;
  readonly rootNamespace: string;
  readonly outboundTrafficPolicy: 'ALLOW_ANY' | 'REGISTRY_ONLY';
  readonly accessLog: 'text' | 'json' | 'none';
  readonly certificateTtl?: number;
  readonly unverifiedPatches: 'refuse' | 'apply';
  readonly auditSink?: readonly string[];
  readonly policyAddress?: string;
  readonly supervised?: boolean;
}

const several = (value: string, previous: readonly string[] | undefined): readonly string[] => [
  ...(previous ?? []),
  value,
];

const unverifiedPatches = new Option(
  '--unverified-patches <what>',
  'patches of configuration (EnvoyFilter) where there is no Envoy to check them with',
)
  .choices(['apply', 'refuse'])
  .default('apply');

const supervised = new Option(
  '--supervised',
  'the state directory is locked by the process that started this one',
).hideHelp();

const examples = [
  'xebec controlplane --config-dir ./config --xds-plaintext 127.0.0.1:15010',
  'xebec controlplane --state ./state --config-dir ./config --xds 127.0.0.1:15012 --http 127.0.0.1:15014',
];

export const defineControlPlane: DefineCommand = (cli, finish) =>
  withBundleOptions(withIdentityOptions(newCommand('controlplane', 'run a control plane', examples)))
    .addOption(
      new Option('--config-dir <dir>', 'directory or file of YAML to watch; may be repeated').argParser(
        several,
      ),
    )
    .option('--no-recursive', 'leave out the directories below')
    .addOption(
      new Option('--xds <host:port>', 'xDS and certificates over mutual TLS').argParser(listenArgument),
    )
    .addOption(
      new Option('--xds-plaintext <host:port>', 'xDS without TLS, loopback only').argParser(listenArgument),
    )
    .addOption(new Option('--http <host:port>', 'metrics and health').argParser(listenArgument))
    .addOption(openMetricsOption())
    .option(
      '--control-socket <path>',
      'admin API (default: run/control.sock in the state directory, if there is one)',
    )
    .option(
      '--state <dir>',
      'directory for journal, certificate authority and sockets (default: none; nothing is kept)',
    )
    .addOption(
      new Option('--discovery <mode>', 'whether sidecars get what they use, or everything')
        .choices(['on-demand', 'eager'])
        .default('on-demand'),
    )
    .addOption(unverifiedPatches)
    .addOption(auditSinkOption())
    .addOption(
      new Option(
        '--policy-address <host:port>',
        'where proxies find the policy service (default: where those that follow say they are)',
      ).argParser(listenArgument),
    )
    .option('--trust-domain <name>', 'trust domain of identities', 'cluster.local')
    .option('--cluster-domain <name>', 'DNS domain of services', 'cluster.local')
    .option('--root-namespace <name>', 'where objects for the whole mesh live', 'istio-system')
    .addOption(
      new Option('--outbound-traffic-policy <policy>', 'traffic to hosts that no service names')
        .choices(['ALLOW_ANY', 'REGISTRY_ONLY'])
        .default('ALLOW_ANY'),
    )
    .addOption(
      new Option('--access-log <format>', 'format of access logs')
        .choices(['text', 'json', 'none'])
        .default('text'),
    )
    .addOption(
      new Option('--certificate-ttl <duration>', 'life of workload certificates (default: 24h)').argParser(
        durationArgument,
      ),
    )
    .addOption(jwksAllowOption())
    .addOption(jwksRefreshOption())
    .addOption(supervised)
    .action(async (flags: ControlPlaneFlags) => {
      const { runControlPlaneCommand } = await import('../parts/run-control-plane.ts');
      finish(await runControlPlaneCommand(cli, flags));
    });
