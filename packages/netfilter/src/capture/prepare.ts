// Makes the place of one workload: its rules from defaults and annotations, its namespace, how to enter it.
import { type Diagnostic, type Result, succeed } from '@xebec/std';
import type { CaptureTools } from '../capability/detect.ts';
import { applyAnnotations } from '../rules/annotations.ts';
import { type CaptureRules, defaultRules } from '../rules/capture-rules.ts';
import { type Backend, renderRules } from '../rules/render.ts';
import type { MeshNetwork } from './mesh-network.ts';
import {
  type CapturedWorkload,
  enterNamespace,
  proxyOwner,
  type UserIdentity,
  type WorkloadToCapture,
} from './workload.ts';

export const dnsPort = 15053;
export const proxyDnsPort = 15054;

/** What every workload of a mesh is made with. */
export interface Preparation {
  readonly tools: CaptureTools;
  readonly backend: Backend;
  readonly network: MeshNetwork;
  readonly clusterDomain: string;
  readonly rules: Partial<CaptureRules>;
  readonly applicationUser?: UserIdentity;
  /** Kubernetes namespaces by address, for the DNS server. */
  readonly namespaces: Map<string, string>;
  readonly onProblem: (problem: Diagnostic) => void;
}

function rulesOf(
  { rules, network }: Preparation,
  { role, namespace, name, annotations }: WorkloadToCapture,
): Result<CaptureRules> {
  const { hostAddress, probeAddress } = network.subnet;
  const { subnet6 } = network;
  const shared: CaptureRules = {
    ...defaultRules,
    excludeInboundSources: [probeAddress, ...(subnet6 === undefined ? [] : [subnet6.probeAddress])],
    dnsCapture: {
      addresses: [hostAddress, ...(subnet6 === undefined ? [] : [subnet6.hostAddress])],
      port: dnsPort,
      proxyPort: proxyDnsPort,
    },
    ...rules,
  };
  if (role === 'none') return succeed({ ...shared, interception: 'NONE' });
  return applyAnnotations(shared, annotations ?? {}, `Pod/${namespace}/${name}`);
}

/** A namespace of its own, with the rules in force before anything can run in it. */
export async function prepareWorkload(
  preparation: Preparation,
  workload: WorkloadToCapture,
): Promise<Result<CapturedWorkload>> {
  const { network, namespaces, tools, applicationUser } = preparation;
  const rules = rulesOf(preparation, workload);
  if (!rules.ok) return rules;
  const rendered = renderRules(rules.value, preparation.backend, tools.families);
  if (!rendered.ok) return rendered;
  const isTransparent = rules.value.interception === 'TPROXY';
  const isSplit = workload.role !== 'none' && rules.value.interception === 'NONE';
  const added = await network.addWorkload(workload.name, {
    rules: rendered.value,
    resolver: {
      nameserver: network.subnet.hostAddress,
      namespace: workload.namespace,
      clusterDomain: preparation.clusterDomain,
    },
    isSplit,
  });
  if (!added.ok) return added;
  const { address, address6, applicationAddress, netns } = added.value;
  const own = [address, address6, applicationAddress].filter((each) => each !== undefined);
  for (const each of own) namespaces.set(each, workload.namespace);
  const { ip, setpriv } = tools;
  const entrance = {
    ...{ ip, setpriv, netns, isTransparent },
    ...(applicationUser === undefined ? {} : { applicationUser }),
  };
  const place = placeAt(preparation, address, () => {
    for (const each of own) namespaces.delete(each);
    return network.removeWorkload(added.value);
  });
  return succeed({
    ...place,
    bindAddress: '0.0.0.0',
    ...(workload.role === 'none' ? {} : { proxyOwner }),
    ...(address6 === undefined || isSplit ? {} : { ipv6Address: address6 }),
    ...(isTransparent ? { interception: 'TPROXY' as const } : {}),
    ...(applicationAddress === undefined ? {} : explicitPlace(address, applicationAddress)),
    wrapCommand: (command, role) => enterNamespace(entrance, command, role),
  });
}

/** Nothing is captured: the application has an address of its own and is told where its proxy is. */
const explicitPlace = (address: string, applicationAddress: string) => ({
  mode: 'explicit' as const,
  applicationAddress,
  bindAddress: applicationAddress,
  environment: { http_proxy: `http://${address}:15001` },
});

/** A place in the host's own namespace, with an address that workloads reach. */
export async function prepareHost(preparation: Preparation): Promise<Result<CapturedWorkload>> {
  const added = await preparation.network.addHostAddress();
  if (!added.ok) return added;
  const { address } = added.value;
  return succeed({
    ...placeAt(preparation, address, () => preparation.network.removeHostAddress(added.value)),
    bindAddress: address,
    wrapCommand: (command) => command,
  });
}

/** Disposal may be asked for twice; it happens once, and both wait for it. */
function placeAt(
  { network, onProblem }: Preparation,
  address: string,
  remove: () => Promise<Result<undefined>>,
): Omit<CapturedWorkload, 'bindAddress' | 'wrapCommand'> {
  let disposal: Promise<void> | undefined;
  const removeAndTell = async (): Promise<void> => {
    const removed = await remove();
    if (!removed.ok) removed.diagnostics.forEach(onProblem);
  };
  const dispose = (): Promise<void> => {
    disposal ??= removeAndTell();
    return disposal;
  };
  return {
    address,
    applicationAddress: address,
    probeSource: network.subnet.probeAddress,
    environment: {},
    dispose,
    [Symbol.asyncDispose]: dispose,
  };
}
