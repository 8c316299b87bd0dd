// Makes and removes the network of a mesh with `ip`: a bridge in a namespace of its own, a link to the host, workloads.
import { writeFile } from 'node:fs/promises';
import { type Diagnostic, fail, type Result, succeed } from '@xebec/std';
import type { RunCommand } from '../commands/run.ts';
import { serviceNetworks } from '../rules/capture-rules.ts';
import type { RenderedRules } from '../rules/render.ts';
import type { MeshNames } from './names.ts';
import { prefixLength, prefixLength6, type Subnet, type Subnet6 } from './subnet.ts';

/** The programs a network is made with. */
export interface NetworkTools {
  /** Full path of `ip`. */
  readonly ip: string;
  readonly run: RunCommand;
}

/** Before the main table's routes, after the host's own addresses. */
const rulePreference = 1337;

/** One step that the kernel or a program refused. */
export function refusedStep(command: readonly string[], errors: string): Diagnostic {
  return {
    severity: 'error',
    code: 'capture-network-failed',
    message: `"${command.join(' ')}" failed: ${errors === '' ? 'no reason given' : errors}`,
    remedy: 'use explicit capture (--capture explicit), or run where network namespaces may be made',
  };
}

/** Runs commands one after another up to the first that fails. */
export async function runAll(
  { run }: NetworkTools,
  steps: readonly (readonly [command: readonly string[], input?: string])[],
): Promise<Result<undefined>> {
  for (const [command, input] of steps) {
    const outcome = await run(command, input);
    if (outcome.code !== 0) return fail(refusedStep(command, outcome.errors));
  }
  return succeed(undefined);
}

const lines = (...commands: readonly string[]): string => `${commands.join('\n')}\n`;

/** The bridge's namespace and the host's link into it, with the host's two addresses. */
export function makeBridge(
  tools: NetworkTools,
  names: MeshNames,
  { subnet, subnet6 }: Subnets,
): Promise<Result<undefined>> {
  const { ip } = tools;
  const { hostLink, bridgeNamespace } = names;
  return runAll(tools, [
    [[ip, 'netns', 'add', bridgeNamespace]],
    [[ip, 'link', 'add', hostLink, 'type', 'veth', 'peer', 'name', 'host', 'netns', bridgeNamespace]],
    [
      [ip, '-n', bridgeNamespace, '-batch', '-'],
      lines(
        'link add bridge0 type bridge',
        'link set bridge0 addrgenmode none up',
        'link set host addrgenmode none master bridge0 up',
        'link set lo up',
      ),
    ],
    [
      [ip, '-batch', '-'],
      lines(
        `link set ${hostLink} addrgenmode none up`,
        `address add ${subnet.hostAddress}/${prefixLength} dev ${hostLink}`,
        `address add ${subnet.probeAddress}/32 dev ${hostLink}`,
        `rule add pref ${rulePreference} iif ${hostLink} unreachable`,
      ),
    ],
    ...(subnet6 === undefined
      ? []
      : [
          batch6(
            [ip],
            `address add ${subnet6.hostAddress}/${prefixLength6} dev ${hostLink} nodad`,
            `address add ${subnet6.probeAddress}/128 dev ${hostLink} nodad`,
            `rule add pref ${rulePreference} iif ${hostLink} unreachable`,
          ),
        ]),
  ]);
}

/** The addresses of a mesh, of IPv6 only where the kernel takes them. */
export interface Subnets {
  readonly subnet: Subnet;
  readonly subnet6?: Subnet6;
}

const batch6 = (
  command: readonly string[],
  ...commands: readonly string[]
): [command: readonly string[], input: string] => [[...command, '-6', '-batch', '-'], lines(...commands)];

/**
 * The host is never a router for workloads: what is neither the host's nor a workload's is refused at once. The answer
 * to the sender needs forwarding on our own link; where that cannot be set, the sender waits for its time-out instead.
 */
export async function refuseForwarding(hostLink: string): Promise<void> {
  await writeFile(`/proc/sys/net/ipv4/conf/${hostLink}/forwarding`, '1').catch(() => undefined);
}

/** Removes the rule that keeps the host from forwarding for workloads; it outlives its link. */
export async function removeHostRule({ ip, run }: NetworkTools, hostLink: string): Promise<void> {
  for (const version of ['-4', '-6']) {
    const { output } = await run([ip, version, 'rule', 'show', 'pref', String(rulePreference)]);
    if (output.split(/\s+/).includes(hostLink))
      await run([ip, version, 'rule', 'delete', 'pref', String(rulePreference), 'iif', hostLink]);
  }
}

export interface WorkloadNetwork {
  readonly netns: string;
  readonly slot: number;
  readonly address: string;
  readonly address6?: string;
  /** Where the application listens when nothing is captured; its proxy has the other address. */
  readonly applicationAddress?: string;
  readonly applicationSlot?: number;
}

/** A workload's namespace with its only link on the bridge; the rules are in place before the link is up. */
export function makeWorkload(
  tools: NetworkTools,
  mesh: Subnets & { readonly names: MeshNames; readonly rules: readonly RenderedRules[] },
  { netns, slot, address, address6, applicationAddress }: WorkloadNetwork,
): Promise<Result<undefined>> {
  const { ip } = tools;
  const { bridgeNamespace } = mesh.names;
  const port = `pod${slot}`;
  return runAll(tools, [
    [[ip, 'netns', 'add', netns]],
    [[ip, '-n', netns, 'link', 'set', 'lo', 'up']],
    ...applySteps(ip, netns, mesh.rules),
    [
      [
        ip,
        'link',
        'add',
        port,
        'netns',
        bridgeNamespace,
        'type',
        'veth',
        'peer',
        'name',
        'eth0',
        'netns',
        netns,
      ],
    ],
    [
      [ip, '-n', bridgeNamespace, '-batch', '-'],
      lines(`link set ${port} addrgenmode none master bridge0 up`),
    ],
    [
      [ip, '-n', netns, '-batch', '-'],
      lines(
        'link set eth0 addrgenmode none up',
        `address add ${address}/${prefixLength} dev eth0`,
        `route add default via ${mesh.subnet.hostAddress}`,
        `route add local ${serviceNetworks.ipv4} dev lo src ${address} table local`,
        ...(applicationAddress === undefined
          ? []
          : [`address add ${applicationAddress}/${prefixLength} dev eth0`]),
      ),
    ],
    ...(mesh.subnet6 === undefined || address6 === undefined
      ? []
      : [
          batch6(
            [ip, '-n', netns],
            `address add ${address6}/${prefixLength6} dev eth0 nodad`,
            `route add default via ${mesh.subnet6.hostAddress}`,
            `route add local ${serviceNetworks.ipv6} dev lo src ${address6} table local`,
          ),
        ]),
  ]);
}

/** Lets programs that are not root listen on ports below 1024, as in a container; where /proc is read-only they cannot. */
export async function openLowPorts({ ip, run }: NetworkTools, netns: string): Promise<void> {
  await run([ip, 'netns', 'exec', netns, 'tee', '/proc/sys/net/ipv4/ip_unprivileged_port_start'], '0');
}

/** Removes a workload's port of the bridge now; the kernel would do it some time after its namespace is gone. */
export async function removePort({ ip, run }: NetworkTools, names: MeshNames, slot: number): Promise<void> {
  await run([ip, '-n', names.bridgeNamespace, 'link', 'delete', `pod${slot}`]);
}

/** Commands that put rendered rules in force inside a namespace. */
export function applySteps(
  ip: string,
  netns: string,
  rules: readonly RenderedRules[],
): [command: readonly string[], input: string][] {
  return rules.map(({ command, text }) => [[ip, 'netns', 'exec', netns, ...command], text]);
}

/** Names of all namespaces on this machine. */
export async function listNamespaces({ ip, run }: NetworkTools): Promise<string[]> {
  const { output } = await run([ip, 'netns', 'list']);
  return output.split('\n').flatMap((line) => line.split(' ')[0] || []);
}

/** Ids of the processes inside a namespace. */
export async function processesIn({ ip, run }: NetworkTools, netns: string): Promise<number[]> {
  const { output } = await run([ip, 'netns', 'pids', netns]);
  return output.split('\n').filter(Boolean).map(Number);
}

/** Destinations of all IPv4 routes of the host. */
export async function routeDestinations({ ip, run }: NetworkTools): Promise<string[]> {
  const { output } = await run([ip, '-4', 'route', 'show', 'table', 'all']);
  const types = new Set(['local', 'broadcast', 'unreachable', 'blackhole', 'prohibit', 'throw', 'unicast']);
  return output.split('\n').flatMap(
    (line) =>
      line
        .trim()
        .split(/\s+/)
        .find((word) => !types.has(word)) || [],
  );
}
