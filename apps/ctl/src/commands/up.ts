// xebec up: a whole mesh on this machine, in the foreground or detached.
import { Option } from 'commander';
import { type BundleFlags, withBundleOptions } from '../options/bundle-options.ts';
import { type JwksFlags, jwksAllowOption, jwksRefreshOption } from '../options/jwks-options.ts';
import { anonymousOption } from '../options/policy-options.ts';
import {
  auditSinkOption,
  durationArgument,
  openMetricsOption,
  outputOption,
  portArgument,
  stateOption,
  type WorkloadKey,
  workloadKeyOption,
} from '../options/shared-options.ts';
import { type DefineCommand, newCommand } from './command.ts';
import { type IdentityFlags, withIdentityOptions } from './identity-options.ts';

export interface UpOptions extends JwksFlags, IdentityFlags, BundleFlags {
  readonly openMetrics?: boolean;
  readonly detach?: boolean;
  readonly policy?: boolean;
  readonly anonymous?: readonly string[];
  readonly state?: string;
  readonly capture: 'auto' | 'explicit' | 'transparent';
  readonly ingressPort?: number;
  readonly discovery: 'on-demand' | 'eager';
  readonly envoy?: string;
  readonly certificateTtl?: number;
  readonly auditSink?: readonly string[];
  readonly trustDomain?: string;
  readonly workloadKey?: WorkloadKey;
  readonly timeout: number;
  readonly output: 'table' | 'json';
}

const policyOption = new Option(
  '--policy',
  'start a policy service at once (default: with the first rule, handler, instance, quota or API spec)',
);

export const defineUp: DefineCommand = (cli, finish) =>
  withBundleOptions(
    withIdentityOptions(
      newCommand('up', 'start a mesh on this machine: control plane, agent, gateway and your workloads', [
        'xebec up                                   the Bookinfo sample',
        'xebec up ./manifests --detach              your own, in the background; "xebec down" ends it',
        'xebec up --state ./state --ingress-port 0  another mesh beside the first, on a free port',
      ]),
    ),
  )
    .argument(
      '[paths...]',
      'directories or files of manifests, watched while it runs (default: the Bookinfo sample)',
    )
    .option('-d, --detach', 'return once it serves, leave it running')
    .addOption(stateOption())
    .addOption(openMetricsOption())
    .addOption(
      new Option(
        '--capture <mode>',
        'how traffic gets into the proxies; transparent needs root or CAP_NET_ADMIN',
      )
        .choices(['auto', 'explicit', 'transparent'])
        .default('auto'),
    )
    .addOption(
      new Option(
        '--ingress-port <port>',
        'port of the ingress gateway, 0 for a free one (default: 8080, or the next free one)',
      ).argParser(portArgument),
    )
    .addOption(
      new Option('--discovery <mode>', 'whether sidecars get what they use, or everything')
        .choices(['on-demand', 'eager'])
        .default('on-demand'),
    )
    .option(
      '--envoy <path>',
      'Envoy binary to use (default: $ENVOY_PATH, the PATH, the cache, else it is installed)',
    )
    .addOption(
      new Option('--certificate-ttl <duration>', 'life of workload certificates (default: 24h)').argParser(
        durationArgument,
      ),
    )
    .addOption(workloadKeyOption())
    .addOption(policyOption)
    .addOption(anonymousOption())
    .addOption(jwksAllowOption())
    .addOption(jwksRefreshOption())
    .addOption(auditSinkOption())
    .option('--trust-domain <name>', 'trust domain of identities (default: cluster.local)')
    .addOption(
      new Option('--timeout <duration>', 'give up when it does not serve after this long')
        .argParser(durationArgument)
        .default(180_000, '3m'),
    )
    .addOption(outputOption('table', 'json'))
    .action(async (paths: readonly string[], options: UpOptions) => {
      const { up } = await import('../mesh/up.ts');
      finish(await up(cli, paths, options));
    });
