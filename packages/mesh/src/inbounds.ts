// Inbounds: what each sidecar must accept, from the services that select its workload and the ports it declares.
import type { Collection, Graph } from '@xebec/flow';
import type {
  Cause,
  Host,
  Inbound,
  InboundPort,
  ObjectKey,
  PeerPolicy,
  ProxyNode,
  Workload,
} from '@xebec/model';
import { deepEqual } from '@xebec/std';
import { type AuthenticationReads, type AuthenticationSources, authenticationOf } from './authentication.ts';
import { type AuthorizationReads, type AuthorizationSources, authorizationOf } from './authorization.ts';
import { type BackedPort, type Backing, type BackingsBySelector, targetPortOf } from './backings.ts';
import { compareText } from './host-names.ts';
import type { HostView } from './hosts.ts';
import type { MeshInputs } from './inputs.ts';
import { anchorsOfLabels, isSelected, type SelectorAnchor } from './label-selectors.ts';
import type { AnchorLookup, Lookup } from './lookups.ts';
import { modeOfPort, type PeerLookups, type PeerSources, peerPolicyOf } from './peer-policies.ts';
import { calledOf, type PolicyCheckReads, policyChecksOf } from './policy-checks.ts';
import type { PolicyRuleSources } from './policy-rules.ts';
import { type Selected, type SidecarReads, type SidecarsBySelector, sidecarOf } from './sidecars.ts';
import type { WorkloadsByAddress } from './workloads.ts';

export interface InboundSources {
  readonly workloads: Collection<ObjectKey, Workload>;
  readonly workloadsByAddress: WorkloadsByAddress;
  readonly backingsBySelector: BackingsBySelector;
  readonly peerSources: PeerSources;
  readonly authorization: AuthorizationSources;
  readonly authentication: AuthenticationSources;
  readonly sidecarsBySelector: SidecarsBySelector;
  readonly hosts: Collection<Host, HostView>;
  readonly policyRules: PolicyRuleSources;
}

export function deriveInbounds(
  graph: Graph,
  { proxies }: MeshInputs,
  sources: InboundSources,
): Collection<string, Inbound> {
  const { workloads, workloadsByAddress, backingsBySelector, sidecarsBySelector } = sources;
  const { peerSources, authorization, authentication, hosts, policyRules } = sources;
  return graph.derive({
    name: 'mesh.inbounds',
    from: proxies,
    reads: {
      workloads,
      workloadsByAddress,
      backingsBySelector,
      sidecarsBySelector,
      hosts,
      ...peerSources,
      ...authorization,
      ...authentication,
      ...policyRules,
    },
    equals: deepEqual,
    fn: (proxy, id, read) => {
      if (proxy.role !== 'sidecar') return [];
      const workload = workloadOf(proxy, read);
      return [[id, { proxy, ...acceptedBy(workload, read) }] as const];
    },
  });
}

export interface AcceptedReads
  extends PeerLookups,
    AuthorizationReads,
    AuthenticationReads,
    SidecarReads,
    PolicyCheckReads {
  readonly backingsBySelector: AnchorLookup<SelectorAnchor, ObjectKey, Backing>;
}

/** What a workload accepts, whether or not its proxy is connected. */
export function acceptedBy(workload: Workload, read: AcceptedReads): Omit<Inbound, 'proxy'> {
  const peer = peerPolicyOf(workload.namespace, workload.labels, read);
  const served = servedPorts(workload, read.backingsBySelector);
  const sidecar = sidecarOf(workload.namespace, workload.labels, read);
  const of = (transport: Transport) => portsOf({ workload, peer, served, sidecar, transport });
  const authorization = [
    ...authorizationOf(workload.namespace, workload.labels, read),
    ...policyChecksOf(calledOf(workload, served), read),
  ];
  const authentication = authenticationOf(workload.namespace, workload.labels, read);
  return {
    ports: of('TCP'),
    udpPorts: of('UDP'),
    peer,
    authentication,
    authorization,
    causes: workload.causes,
  };
}

interface WorkloadReads {
  readonly workloads: Lookup<ObjectKey, Workload>;
  readonly workloadsByAddress: AnchorLookup<string, ObjectKey, Workload>;
}

/** What a proxy runs for. */
export const workloadOf = (proxy: ProxyNode, read: WorkloadReads): Workload =>
  findWorkload(proxy, read) ?? workloadOfNode(proxy);

function findWorkload({ namespace, name, address }: ProxyNode, read: WorkloadReads): Workload | undefined {
  const named =
    read.workloads.get(`Pod/${namespace}/${name}`) ??
    read.workloads.get(`WorkloadEntry/${namespace}/${name}`);
  return named ?? read.workloadsByAddress.at(`${namespace}|${address}`)[0]?.[1];
}

/** A proxy without an object is taken at its word, in its own namespace: it can only change what itself accepts. */
function workloadOfNode(proxy: ProxyNode): Workload {
  return {
    object: `Pod/${proxy.namespace}/${proxy.name}`,
    name: proxy.name,
    namespace: proxy.namespace,
    ownerName: proxy.workloadName,
    labels: proxy.labels,
    serviceAccount: proxy.serviceAccount,
    addresses: [proxy.address],
    ports: [],
    network: proxy.network,
    weight: 1,
    isMeshed: true,
    health: 'healthy',
    causes: [],
  };
}

type Transport = Workload['ports'][number]['protocol'];
/** A port by which a service reaches a workload. */
export type ServedPort = Omit<InboundPort, 'mutualTls'>;

interface TransportPorts {
  readonly workload: Workload;
  readonly peer: PeerPolicy;
  readonly served: readonly ServedPort[];
  readonly sidecar: Selected | undefined;
  readonly transport: Transport;
}

/** What a Sidecar says, else what services name and what else the workload declares. */
function portsOf(of: TransportPorts): readonly InboundPort[] {
  const { workload, peer, served, sidecar, transport } = of;
  const ingress = transport === 'TCP' ? sidecar?.[1].spec.ingress : undefined;
  if (sidecar !== undefined && ingress !== undefined) return ingressPorts(of, sidecar);
  const ports = new Map<number, InboundPort>();
  const pool = transport === 'TCP' ? sidecar?.[1].spec.connectionPool : undefined;
  const pooled = pool === undefined ? {} : { connectionPool: pool };
  const add = (port: ServedPort) => {
    if (ports.has(port.port)) return;
    ports.set(port.port, { ...port, ...pooled, mutualTls: modeOfPort(peer, port.port) });
  };
  for (const port of served) if ((port.protocol === 'udp') === (transport === 'UDP')) add(port);
  const protocol = transport === 'UDP' ? 'udp' : 'auto';
  for (const declared of workload.ports) {
    if (declared.protocol === transport) add({ port: declared.number, protocol, causes: workload.causes });
  }
  return [...ports.values()].sort((left, right) => left.port - right.port);
}

function ingressPorts(
  { peer, served }: TransportPorts,
  [object, { spec }]: Selected,
): readonly InboundPort[] {
  const ports = (spec.ingress ?? []).map(({ port, endpoint, connectionPool }, index): InboundPort => {
    const { service, causes = [] } = served.find((each) => each.port === port.number) ?? {};
    const pool = connectionPool ?? spec.connectionPool;
    return {
      port: port.number,
      protocol: port.protocol,
      ...(service === undefined ? {} : { service }),
      mutualTls: modeOfPort(peer, port.number),
      ...(endpoint === undefined ? {} : { endpoint }),
      ...(pool === undefined ? {} : { connectionPool: pool }),
      causes: [{ object, field: `spec.ingress[${index}]` }, ...causes],
    };
  });
  return ports.sort((left, right) => left.port - right.port);
}

/** What services call the workload's ports, by host and then by service port: the first one names the port. */
export function servedPorts(
  workload: Workload,
  backings: AnchorLookup<SelectorAnchor, ObjectKey, Backing>,
): readonly ServedPort[] {
  const { namespace, labels } = workload;
  return anchorsOfLabels(namespace, labels)
    .flatMap((anchor) => backings.at(anchor))
    .filter(([, { selector }]) => isSelected(selector, labels))
    .flatMap(([key, backing]) => backing.hosts.map((host) => ({ key, backing, host })))
    .sort((left, right) => compareText(left.host, right.host) || compareText(left.key, right.key))
    .flatMap(({ key, backing, host }) =>
      backing.ports.flatMap((port) => servedPort(workload, port, { key, backing, host })),
    );
}

function servedPort(
  workload: Workload,
  backed: BackedPort,
  by: { readonly key: ObjectKey; readonly backing: Backing; readonly host: Host },
): readonly ServedPort[] {
  const port = targetPortOf(backed, workload);
  if (port === undefined) return [];
  const causes: readonly Cause[] = [{ object: by.key }];
  const { name = by.host, namespace } = by.backing;
  const service = { host: by.host, name, namespace, port: backed.port.number };
  return [{ port, protocol: backed.port.protocol, service, causes }];
}
