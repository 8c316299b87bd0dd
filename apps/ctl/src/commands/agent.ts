// xebec agent: the agent of this machine by itself, and the rules of transparent capture on paper.
import { InvalidArgumentError, Option } from 'commander';
import {
  auditSinkOption,
  durationArgument,
  openMetricsOption,
  stateOption,
  type WorkloadKey,
  workloadKeyOption,
} from '../options/shared-options.ts';
import { defineIptables } from './agent-iptables.ts';
import { defineAgentRun } from './agent-run.ts';
import { type DefineCommand, newCommand } from './command.ts';

export interface AgentFlags {
  readonly openMetrics?: boolean;
  readonly state?: string;
  readonly controlSocket?: string;
  readonly xds: string;
  readonly xdsServerName?: string;
  readonly roots?: string;
  readonly envoy?: string;
  readonly images?: readonly string[];
  readonly gatewayPort?: readonly GatewayPort[];
  readonly capture: 'auto' | 'explicit' | 'transparent';
  readonly discovery: 'on-demand' | 'eager';
  readonly trustDomain: string;
  readonly clusterDomain: string;
  readonly certificateTtl?: number;
  readonly workloadKey?: WorkloadKey;
  readonly auditSink?: readonly string[];
  readonly supervised?: boolean;
}

/** Another port of this machine for a port of Gateway objects. */
export interface GatewayPort {
  readonly port: number;
  readonly hostPort: number;
}

const several = (value: string, previous: readonly string[] | undefined): readonly string[] => [
  ...(previous ?? []),
  value,
];

function gatewayPort(text: string, previous: readonly GatewayPort[] | undefined): readonly GatewayPort[] {
  const [, port, hostPort] = /^(\d{1,5})=(\d{1,5})$/.exec(text) ?? [];
  if (port === undefined || hostPort === undefined)
    throw new InvalidArgumentError('write PORT=HOSTPORT, such as 80=8080.');
  return [...(previous ?? []), { port: Number(port), hostPort: Number(hostPort) }];
}

export const defineAgent: DefineCommand = (cli, finish) => {
  const agent = newCommand('agent', 'run the agent of this machine: identities, proxies, workloads', [
    'xebec agent --state ./state --images samples/bookinfo/xebec.local.yaml',
    'xebec agent iptables --dry-run',
  ])
    .addOption(stateOption())
    .addOption(openMetricsOption())
    .option(
      '--control-socket <path>',
      'admin API of the control plane (default: that of the state directory)',
    )
    .option('--xds <host:port>', 'xDS and certificates of the control plane', '127.0.0.1:15012')
    .option(
      '--xds-server-name <name>',
      "name in the control plane's certificate (default: istiod.istio-system.svc)",
    )
    .option('--roots <file>', 'root certificates (default: ca/root-cert.pem in the state directory)')
    .option(
      '--envoy <path>',
      'Envoy binary to use (default: $ENVOY_PATH, the PATH, the cache, else it is installed)',
    )
    .addOption(new Option('--images <file>', 'LocalImages file; may be repeated').argParser(several))
    .addOption(
      new Option(
        '--gateway-port <port=hostport>',
        'where gateways listen on this machine; may be repeated',
      ).argParser(gatewayPort),
    )
    .addOption(
      new Option('--capture <mode>', 'how traffic gets into the proxies')
        .choices(['auto', 'explicit', 'transparent'])
        .default('auto'),
    )
    .addOption(
      new Option('--discovery <mode>', 'whether sidecars get what they use, or everything')
        .choices(['on-demand', 'eager'])
        .default('on-demand'),
    )
    .addOption(auditSinkOption())
    .option('--trust-domain <name>', 'trust domain of identities', 'cluster.local')
    .option('--cluster-domain <name>', 'DNS domain of services', 'cluster.local')
    .addOption(
      new Option('--certificate-ttl <duration>', 'life of certificates to ask for').argParser(
        durationArgument,
      ),
    )
    .addOption(workloadKeyOption())
    .addOption(
      new Option(
        '--supervised',
        'the state directory is locked by the process that started this one',
      ).hideHelp(),
    )
    .action(async (flags: AgentFlags) => {
      const { runAgentCommand } = await import('../parts/run-agent.ts');
      finish(await runAgentCommand(cli, flags));
    });
  defineIptables(agent, cli, finish);
  defineAgentRun(agent, cli, finish);
  return agent;
};
