// Transparent capture on one machine: a network namespace per workload, its rules, and a DNS server for all of them.
import { type Diagnostic, fail, type Result, succeed } from '@xebec/std';
import { detectTransparentCapture } from '../capability/detect.ts';
import type { ResolveHost } from '../dns/answer.ts';
import { type DnsServer, startDnsServer } from '../dns/dns-server.ts';
import { hostNameServers, type Upstream } from '../dns/upstream.ts';
import { type CaptureRules, proxyUid } from '../rules/capture-rules.ts';
import type { Backend } from '../rules/render.ts';
import { openMeshNetwork } from './open-mesh-network.ts';
import { dnsPort, type Preparation, prepareHost, prepareWorkload, proxyDnsPort } from './prepare.ts';
import type { CapturedWorkload, UserIdentity, WorkloadToCapture } from './workload.ts';

export interface TransparentCaptureOptions {
  /** Names and the record of what was made come from it: one mesh, one directory. */
  readonly stateDirectory: string;
  /** Left out: whichever works, iptables first. */
  readonly backend?: Backend;
  /** Addresses that applications get for mesh names. */
  readonly resolve: ResolveHost;
  /** Default `cluster.local`. */
  readonly clusterDomain?: string;
  /** Servers for names outside the mesh; default: the host's own. */
  readonly upstreams?: readonly Upstream[];
  /** Changes to the defaults for every workload. */
  readonly rules?: Partial<CaptureRules>;
  /** Applications run as this user instead of the agent's; never the proxy's. */
  readonly applicationUser?: UserIdentity;
  /** Programs and directories that proxies must be able to execute or enter: Envoy, the state directory. */
  readonly proxyPaths?: readonly string[];
  /** Told of what could not be removed; it is tried again at the next start. */
  readonly onProblem?: (problem: Diagnostic) => void;
}

export interface TransparentCapture extends AsyncDisposable {
  readonly mode: 'transparent';
  readonly backend: Backend;
  /** The host's address as workloads see it; the source of what gateways send to them. */
  readonly hostAddress: string;
  prepare(workload: WorkloadToCapture): Promise<Result<CapturedWorkload>>;
  /** Removes everything that was made, and ends what still runs in it. */
  dispose(): Promise<void>;
}

/**
 * Cleans up after a run that was killed, then makes the mesh's network and starts its DNS server. Fails when
 * transparent capture does not work here, or the state directory is in use by a live process.
 */
export async function createTransparentCapture(
  options: TransparentCaptureOptions,
): Promise<Result<TransparentCapture>> {
  if (options.applicationUser?.uid === proxyUid || options.applicationUser?.gid === proxyUid)
    return fail(proxyUserRefused);
  const { backend: wanted, proxyPaths = [] } = options;
  const capability = await detectTransparentCapture({
    proxyPaths,
    ...(wanted === undefined ? {} : { backend: wanted }),
  });
  if (!capability.available) return fail(unavailable(capability.reason));
  const { tools, backend } = capability;
  const network = await openMeshNetwork(tools, options.stateDirectory);
  if (!network.ok) return network;
  const namespaces = new Map<string, string>();
  const { subnet, subnet6 } = network.value;
  const addresses = [subnet.hostAddress, ...(subnet6 === undefined ? [] : [subnet6.hostAddress])];
  const servers = await startServers(options, addresses, namespaces);
  if (!servers.ok) {
    await network.value.remove();
    return servers;
  }
  const preparation: Preparation = {
    ...options,
    clusterDomain: options.clusterDomain ?? 'cluster.local',
    rules: options.rules ?? {},
    onProblem: options.onProblem ?? (() => {}),
    tools,
    backend,
    network: network.value,
    namespaces,
  };
  return succeed(assemble(preparation, servers.value));
}

const proxyUserRefused: Diagnostic = {
  severity: 'error',
  code: 'proxy-user-refused',
  message: `applications cannot run as user or group ${proxyUid}: its traffic is the proxy's and is not captured`,
  remedy: 'choose another user for applications',
};

const unavailable = (reason: string): Diagnostic => ({
  severity: 'error',
  code: 'transparent-capture-unavailable',
  message: `transparent capture does not work here: ${reason}`,
  remedy: 'run as root with iproute2, util-linux and iptables or nftables, or use --capture explicit',
});

/** One server for applications, one for proxies, which ask for the real addresses of foreign hosts only. */
async function startServers(
  options: TransparentCaptureOptions,
  addresses: readonly string[],
  namespaces: ReadonlyMap<string, string>,
): Promise<Result<readonly DnsServer[]>> {
  const shared = {
    resolve: options.resolve,
    namespaceOf: (client: string) => namespaces.get(client),
    upstreams: options.upstreams ?? hostNameServers(),
    ...(options.clusterDomain === undefined ? {} : { clusterDomain: options.clusterDomain }),
  };
  const wanted = addresses.flatMap((address) => [
    { ...shared, address, port: dnsPort },
    { ...shared, address, port: proxyDnsPort, foreignNamesOnly: true },
  ]);
  const started: DnsServer[] = [];
  for (const each of wanted) {
    const server = await startDnsServer(each);
    if (!server.ok) {
      await Promise.all(started.map((earlier) => earlier.close()));
      return server;
    }
    started.push(server.value);
  }
  return succeed(started);
}

function assemble(preparation: Preparation, servers: readonly DnsServer[]): TransparentCapture {
  const { network, backend, onProblem } = preparation;
  let disposal: Promise<void> | undefined;
  const removeAll = async (): Promise<void> => {
    await Promise.all(servers.map((server) => server.close()));
    const removed = await network.remove();
    if (!removed.ok) removed.diagnostics.forEach(onProblem);
  };
  const dispose = (): Promise<void> => {
    disposal ??= removeAll();
    return disposal;
  };
  return {
    mode: 'transparent',
    backend,
    hostAddress: network.subnet.hostAddress,
    prepare: (workload) =>
      workload.role === 'router' ? prepareHost(preparation) : prepareWorkload(preparation, workload),
    dispose,
    [Symbol.asyncDispose]: dispose,
  };
}
