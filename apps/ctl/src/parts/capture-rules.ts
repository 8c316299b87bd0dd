// Puts the rules of transparent capture in force, prints them, or takes them away; what it says is what it did.
import {
  type CaptureRules,
  defaultRules,
  type Family,
  installRules,
  kernelFamilies,
  type RenderedRules,
  removeRules,
  renderInstallation,
} from '@xebec/netfilter';
import type { Diagnostic } from '@xebec/std';
import type { Cli } from '../cli.ts';
import type { IptablesFlags } from '../commands/agent-iptables.ts';
import { type ExitCode, exitCode } from '../exit-code.ts';
import { refuse } from '../output/diagnostics.ts';
import { printStructured } from '../output/structured.ts';

const resolverPort = 15053;

export function runIptables(cli: Cli, flags: IptablesFlags): Promise<ExitCode> {
  if (flags.clean === true) return flags.dryRun === true ? bothAsked(cli) : clean(cli, flags);
  return flags.dryRun === true ? print(cli, flags) : apply(cli, flags);
}

const bothAsked = async (cli: Cli): Promise<ExitCode> =>
  refuse(cli, {
    severity: 'error',
    code: 'conflicting-flags',
    message: '--clean and --dry-run exclude each other',
    remedy: 'keep one',
  });

/** A dry run shows both families, whatever this kernel has. */
async function print(cli: Cli, flags: IptablesFlags): Promise<ExitCode> {
  const families: readonly Family[] = flags.ipv6 ? ['ipv4', 'ipv6'] : ['ipv4'];
  const backend = flags.backend === 'auto' ? 'iptables' : flags.backend;
  const rendered = renderInstallation(rulesOf(flags, families), backend, families);
  if (!rendered.ok) return refuse(cli, ...rendered.diagnostics.map(namingFlag));
  if (flags.output === 'json') {
    await printStructured(cli, 'json', { rules: rendered.value });
    return exitCode.done;
  }
  for (const { command, text } of rendered.value)
    cli.stdout.write(`# ${command.join(' ')}\n${text.trimEnd()}\n`);
  return exitCode.done;
}

async function apply(cli: Cli, flags: IptablesFlags): Promise<ExitCode> {
  const families = kernelFamilies().filter((family) => flags.ipv6 || family === 'ipv4');
  const installed = await installRules(rulesOf(flags, families), { backend: flags.backend, families });
  if (!installed.ok) return refuse(cli, ...installed.diagnostics.map(namingFlag));
  const { backend, steps } = installed.value;
  return tell(cli, flags, { done: `capture is in force (${backend}, ${families.join(' and ')})`, steps });
}

async function clean(cli: Cli, flags: IptablesFlags): Promise<ExitCode> {
  const removed = await removeRules();
  if (!removed.ok) return refuse(cli, ...removed.diagnostics);
  const done = removed.value.length === 0 ? 'there was nothing to take away' : 'capture is taken away';
  return tell(cli, flags, { done, steps: removed.value });
}

async function tell(
  cli: Cli,
  { output }: IptablesFlags,
  { done, steps }: { readonly done: string; readonly steps: readonly RenderedRules[] },
): Promise<ExitCode> {
  if (output === 'json') await printStructured(cli, 'json', { done, rules: steps });
  else cli.stdout.write(`${done}\n`);
  return exitCode.done;
}

function rulesOf(flags: IptablesFlags, families: readonly Family[]): CaptureRules {
  const resolvers = families.map((family) => (family === 'ipv4' ? '127.0.0.1' : '::1'));
  return {
    ...defaultRules,
    ...(flags.udp ? {} : { serviceNetworks: [], inboundUdpAddresses: [] }),
    interception: flags.interceptionMode,
    outboundPort: flags.outboundPort,
    inboundPort: flags.inboundPort,
    proxyUid: flags.proxyUid,
    proxyGid: flags.proxyGid,
    includeInboundPorts: flags.includeInboundPorts,
    excludeInboundPorts: [
      ...new Set([...defaultRules.excludeInboundPorts, ...(flags.excludeInboundPorts ?? [])]),
    ],
    includeOutboundPorts: flags.includeOutboundPorts ?? [],
    excludeOutboundPorts: flags.excludeOutboundPorts ?? [],
    includeOutboundCidrs: flags.includeOutboundIpRanges,
    excludeOutboundCidrs: flags.excludeOutboundIpRanges ?? [],
    excludeOutboundUids: flags.excludeOutboundUids ?? [],
    excludeOutboundGids: flags.excludeOutboundGids ?? [],
    excludeInterfaces: flags.excludeInterfaces ?? [],
    rerouteInterfaces: flags.rerouteInterfaces ?? [],
    ...(flags.dns === undefined
      ? {}
      : { dnsCapture: { addresses: resolvers, port: flags.dns === true ? resolverPort : flags.dns } }),
  };
}

const flagOf: Readonly<Record<string, string>> = {
  includeOutboundCidrs: '--include-outbound-ip-ranges',
  excludeOutboundCidrs: '--exclude-outbound-ip-ranges',
  excludeInterfaces: '--exclude-interfaces',
  rerouteInterfaces: '--reroute-interfaces',
};

/** What is wrong is told of the flag that it was written in. */
function namingFlag(problem: Diagnostic): Diagnostic {
  const flag = flagOf[problem.field ?? ''];
  return flag === undefined ? problem : { ...problem, field: flag };
}
