// Files that `ip netns exec` lays over /etc for a workload, so that its resolver asks our DNS server and nothing else.
import { existsSync } from 'node:fs';
import { mkdir, readFile, rm, rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

const directory = '/etc/netns';

export const hasConfigurationDirectory = (): boolean => existsSync(directory);

export interface ResolverSettings {
  readonly nameserver: string;
  /** The Kubernetes namespace of the workload. */
  readonly namespace: string;
  readonly clusterDomain: string;
}

/** The text of resolv.conf, as the kubelet writes it. */
export function resolverConfiguration(settings: ResolverSettings): string {
  const { nameserver, namespace, clusterDomain } = settings;
  const search = [`${namespace}.svc.${clusterDomain}`, `svc.${clusterDomain}`, clusterDomain].join(' ');
  return `nameserver ${nameserver}\nsearch ${search}\noptions ndots:5\n`;
}

/** nsswitch.conf with no other source of hosts than files and DNS (a local resolver daemon would bypass ours). */
export function nameServiceSwitch(hostText: string): string {
  const others = hostText.split('\n').filter((line) => !/^\s*hosts\s*:/.test(line));
  return `${others.join('\n').trimEnd()}\nhosts: files dns\n`;
}

export async function writeClientConfiguration(netns: string, settings: ResolverSettings): Promise<void> {
  const own = join(directory, netns);
  await mkdir(own, { recursive: true, mode: 0o755 });
  await writeFile(join(own, 'resolv.conf'), resolverConfiguration(settings), { mode: 0o644 });
  const host = await readFile('/etc/nsswitch.conf', 'utf8').catch(() => undefined);
  if (host !== undefined)
    await writeFile(join(own, 'nsswitch.conf'), nameServiceSwitch(host), { mode: 0o644 });
}

export async function removeClientConfiguration(netns: string): Promise<void> {
  await rm(join(directory, netns), { recursive: true, force: true });
}

/** Removes /etc/netns itself when it is empty; another's entries keep it. */
export async function removeConfigurationDirectory(): Promise<void> {
  await rmdir(directory).catch(() => undefined);
}
