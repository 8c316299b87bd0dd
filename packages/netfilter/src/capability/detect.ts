// Whether transparent capture works here: found by doing it once in a namespace that is thrown away.
import { existsSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { findProgram, type RunCommand, runCommand } from '../commands/run.ts';
import { applySteps, listNamespaces, type NetworkTools, runAll } from '../namespaces/network.ts';
import { startTicksOf } from '../namespaces/record.ts';
import { defaultRules, type Family, proxyUid } from '../rules/capture-rules.ts';
import { type Backend, renderRules } from '../rules/render.ts';
import { hasCapabilities } from './privilege.ts';

/** What a capture runs with: full paths of programs, and the families whose traffic it must cover. */
export interface CaptureTools extends NetworkTools {
  readonly setpriv: string;
  readonly families: readonly Family[];
  /** Workloads can have addresses of IPv6. */
  readonly hasIpv6: boolean;
}

export type TransparentCapability =
  | { readonly available: true; readonly backend: Backend; readonly tools: CaptureTools }
  | { readonly available: false; readonly reason: string };

export interface DetectOptions {
  /** Accept this back-end only. */
  readonly backend?: Backend;
  /** Programs and directories that proxies, which run as a user of their own, must be able to execute or enter, if they exist. */
  readonly proxyPaths?: readonly string[];
  readonly run?: RunCommand;
}

const unavailable = (reason: string): TransparentCapability => ({ available: false, reason });

/** Looks for privilege and programs, then tries; leaves nothing behind. */
export async function detectTransparentCapture(options: DetectOptions = {}): Promise<TransparentCapability> {
  if (process.platform !== 'linux') return unavailable('network namespaces are a feature of Linux');
  if (!hasCapabilities('CAP_NET_ADMIN', 'CAP_SYS_ADMIN', 'CAP_SETUID', 'CAP_SETGID'))
    return unavailable('neither root nor CAP_NET_ADMIN with CAP_SYS_ADMIN');
  const ip = findProgram('ip');
  if (ip === undefined) return unavailable('the program "ip" (iproute2) is not installed');
  const setpriv = findProgram('setpriv');
  if (setpriv === undefined) return unavailable('the program "setpriv" (util-linux) is not installed');
  const families: Family[] = existsSync('/proc/net/if_inet6') ? ['ipv4', 'ipv6'] : ['ipv4'];
  const tools: CaptureTools = { ip, setpriv, families, hasIpv6: false, run: options.run ?? runCommand };
  return await tryInNamespace(tools, options);
}

let trials = 0;
const trialPrefix = 'xebec-trial-';

async function tryInNamespace(tools: CaptureTools, options: DetectOptions): Promise<TransparentCapability> {
  await removeDeadTrials(tools);
  const netns = `${trialPrefix}${process.pid}-${startTicksOf(process.pid)}-${trials++}`;
  const { ip, setpriv } = tools;
  try {
    const made = await runAll(tools, [
      [[ip, 'netns', 'add', netns]],
      [[ip, '-n', netns, 'link', 'set', 'lo', 'up']],
      [[ip, '-n', netns, 'link', 'add', 'trial0', 'type', 'bridge']],
      [[ip, '-n', netns, 'link', 'add', 'trial1', 'type', 'veth', 'peer', 'name', 'trial2']],
      [[ip, 'netns', 'exec', netns, ...asProxy(setpriv), 'true']],
    ]);
    if (!made.ok) return unavailable(made.diagnostics.map(({ message }) => message).join('; '));
    const closed = await firstClosed(tools, options.proxyPaths ?? []);
    if (closed !== undefined) return unavailable(closed);
    return await tryBackends({ ...tools, hasIpv6: await takesIpv6(tools, netns) }, netns, options.backend);
  } finally {
    await tools.run([ip, 'netns', 'delete', netns]);
  }
}

/** A kernel may know the family and still refuse its addresses. */
const takesIpv6 = async ({ ip, run, families }: CaptureTools, netns: string): Promise<boolean> =>
  families.includes('ipv6') &&
  (await run([ip, '-n', netns, '-6', 'address', 'add', 'fd00::1/64', 'dev', 'lo', 'nodad'])).code === 0;

const asProxy = (setpriv: string): string[] => [
  setpriv,
  `--reuid=${proxyUid}`,
  `--regid=${proxyUid}`,
  '--clear-groups',
  '--',
];

/** Why a proxy cannot get at one of the paths, naming the directory that is in the way; undefined when it can. */
async function firstClosed(
  { run, setpriv }: CaptureTools,
  paths: readonly string[],
): Promise<string | undefined> {
  for (const path of paths.map((given) => resolve(given)))
    for (const place of [...ancestorsOf(path), path].filter((part) => existsSync(part)))
      if ((await run([...asProxy(setpriv), 'test', '-x', place])).code !== 0)
        return `proxies run as user ${proxyUid}, which cannot get at ${path}: ${place} is closed to others (chmod o+x ${place}, or use a place that is open)`;
  return undefined;
}

/** The directories above a path, from the root down. */
function ancestorsOf(path: string): string[] {
  const parent = dirname(path);
  return parent === path ? [] : [...ancestorsOf(parent), parent];
}

async function tryBackends(
  tools: CaptureTools,
  netns: string,
  wanted: Backend | undefined,
): Promise<TransparentCapability> {
  const candidates: Backend[] = wanted === undefined ? ['iptables', 'nftables'] : [wanted];
  const reasons: string[] = [];
  const dnsCapture = { addresses: ['127.0.0.1'], port: 15053 };
  for (const backend of candidates) {
    const rendered = renderRules({ ...defaultRules, dnsCapture }, backend, tools.families);
    if (!rendered.ok) continue;
    const applied = await runAll(tools, applySteps(tools.ip, netns, rendered.value));
    if (applied.ok) return { available: true, backend, tools };
    reasons.push(...applied.diagnostics.map(({ message }) => message));
  }
  return unavailable(reasons.join('; '));
}

/** Removes trials of processes that were killed in the middle of one. */
async function removeDeadTrials(tools: NetworkTools): Promise<void> {
  for (const name of await listNamespaces(tools)) {
    const [pid, startTicks] = name.startsWith(trialPrefix) ? name.slice(trialPrefix.length).split('-') : [];
    if (pid !== undefined && startTicksOf(Number(pid)) !== startTicks)
      await tools.run([tools.ip, 'netns', 'delete', name]);
  }
}
