// Running instances: Pods that have an address and WorkloadEntries, in one shape.
import type { ContainerPort, Locality, ObjectOf } from '@xebec/config';
import type { Collection, Graph, Index } from '@xebec/flow';
import type { ObjectKey, Workload } from '@xebec/model';
import { deepEqual } from '@xebec/std';
import type { MeshInputs } from './inputs.ts';
import { anchorsOfLabels, type SelectorAnchor } from './label-selectors.ts';
import { type NetworkLookups, type NetworkSources, networkOf } from './networks.ts';

export type WorkloadsByLabel = Index<SelectorAnchor, ObjectKey, Workload>;
export type WorkloadsByAddress = Index<string, ObjectKey, Workload>;

const injectLabel = 'sidecar.istio.io/inject';
const templatesAnnotation = 'inject.istio.io/templates';
const boundPortsAnnotation = 'local.xebec.io/ports';
type PodMetadata = ObjectOf<'Pod'>['metadata'];
export const tlsModeLabel = 'security.istio.io/tlsMode';
const localityLabel = 'istio-locality';

export function deriveWorkloads(
  graph: Graph,
  inputs: MeshInputs,
  sources: NetworkSources,
): Collection<ObjectKey, Workload> {
  const networks = { ...sources, settings: inputs.settings };
  const ofPods = graph.derive({
    name: 'mesh.podWorkloads',
    from: inputs.pods,
    reads: { ...networks },
    equals: deepEqual,
    fn: (pod, key, read) => (isRunning(pod) ? [[key, workloadOfPod(pod, key, read)]] : []),
  });
  const ofEntries = graph.derive({
    name: 'mesh.entryWorkloads',
    from: inputs.workloadEntries,
    reads: { ...networks },
    equals: deepEqual,
    fn: (entry, key, read) => [[key, workloadOfEntry(entry, key, read)]],
  });
  return graph.union('mesh.workloads', ofPods, ofEntries);
}

export const indexByLabel = (graph: Graph, workloads: Collection<ObjectKey, Workload>): WorkloadsByLabel =>
  graph.index(workloads, 'byLabel', ({ namespace, labels }) => anchorsOfLabels(namespace, labels));

/** `NAMESPACE|ADDRESS`: an address is only trusted within its namespace. */
export const indexByAddress = (
  graph: Graph,
  workloads: Collection<ObjectKey, Workload>,
): WorkloadsByAddress =>
  graph.index(workloads, 'byAddress', ({ namespace, addresses }) =>
    addresses.map((address) => `${namespace}|${address}`),
  );

/** Pods that ended or have no address yet are no workloads. */
function isRunning({ spec: { status } }: ObjectOf<'Pod'>): boolean {
  return status.podIP !== '' && status.phase !== 'Succeeded' && status.phase !== 'Failed';
}

function workloadOfPod(pod: ObjectOf<'Pod'>, object: ObjectKey, networks: NetworkLookups): Workload {
  const { metadata, spec } = pod;
  const { labels, namespace } = metadata;
  const locality = localityOfPod(metadata);
  return {
    object,
    name: metadata.name,
    namespace: metadata.namespace,
    ownerName: ownerNameOf(pod),
    labels: metadata.labels,
    serviceAccount: spec.serviceAccountName,
    addresses: [...new Set([spec.status.podIP, ...spec.status.podIPs])],
    ports: spec.containers.flatMap((container) => container.ports.flatMap(portOf)),
    ...(locality === undefined ? {} : { locality }),
    network: networkOf({ network: '', labels, namespace, address: spec.status.podIP }, networks),
    ...(spec.nodeName === '' ? {} : { node: spec.nodeName }),
    ...(spec.hostname === '' ? {} : { hostname: spec.hostname }),
    weight: 1,
    isMeshed: isMeshedPod(pod),
    ...(isGatewayPod(pod) ? { isGateway: true as const } : {}),
    ...boundPortsOf(pod),
    health: healthOf(spec.isTerminating, spec.status.isReady),
    causes: [{ object }],
  };
}

function portOf({ name, port, transport }: ContainerPort): Workload['ports'] {
  return transport === 'SCTP' ? [] : [{ name, number: port, protocol: transport }];
}

function healthOf(isTerminating: boolean, isReady: boolean): Workload['health'] {
  if (!isReady) return 'unhealthy';
  return isTerminating ? 'draining' : 'healthy';
}

/** Gateways have a proxy, but it does not take mutual TLS for the mesh; neither do Pods on the host's network. */
function isMeshedPod({ metadata: { labels, annotations }, spec }: ObjectOf<'Pod'>): boolean {
  const inject = labels[injectLabel] ?? annotations[injectLabel];
  const isOut = inject === 'false' || spec.hostNetwork || isGatewayPod({ metadata: { annotations } });
  return !isOut && labels[tlsModeLabel] !== 'disabled';
}

const isGatewayPod = ({ metadata }: { readonly metadata: Pick<PodMetadata, 'annotations'> }): boolean =>
  metadata.annotations[templatesAnnotation]?.split(',').some((name) => name.trim() === 'gateway') ?? false;

/** The agent tells where it bound a gateway's ports on its machine: `{"80": 8080}`. */
function boundPortsOf({ metadata }: ObjectOf<'Pod'>): Pick<Workload, 'boundPorts'> {
  const text = metadata.annotations[boundPortsAnnotation];
  const pairs = text === undefined ? [] : [...text.matchAll(/"(\d{1,5})":\s*(\d{1,5})/g)];
  if (pairs.length === 0) return {};
  return { boundPorts: Object.fromEntries(pairs.map(([, from, to]) => [Number(from), Number(to)])) };
}

/** The Deployment of a ReplicaSet's Pod: its name without the hash of the template. */
function ownerNameOf({ metadata, spec: { owner } }: ObjectOf<'Pod'>): string {
  if (owner === undefined) return metadata.name;
  const hash = metadata.labels['pod-template-hash'];
  if (owner.kind !== 'ReplicaSet') return owner.name;
  if (hash !== undefined && owner.name.endsWith(`-${hash}`)) return owner.name.slice(0, -hash.length - 1);
  return owner.name.replace(/-[a-z0-9]{6,10}$/, '');
}

const topology = {
  region: 'topology.kubernetes.io/region',
  zone: 'topology.kubernetes.io/zone',
  subzone: 'topology.istio.io/subzone',
} as const;

/** What its labels say, Istio's own word first; else its annotations, for who may not label. */
export function localityOfPod({
  labels,
  annotations,
}: Pick<ObjectOf<'Pod'>['metadata'], 'labels' | 'annotations'>): Locality | undefined {
  const text = labels[localityLabel];
  if (text !== undefined && text !== '') return parseLocality(text);
  const read = (name: string): string => labels[name] ?? annotations[name] ?? '';
  const locality = {
    region: read(topology.region),
    zone: read(topology.zone),
    subzone: read(topology.subzone),
  };
  return locality.region === '' && locality.zone === '' ? undefined : locality;
}

/** `region/zone/subzone`, or with dots, as labels cannot hold a slash. */
function parseLocality(text: string | undefined): Locality | undefined {
  if (text === undefined || text === '') return undefined;
  const [region = '', zone = '', subzone = ''] = text.split(text.includes('/') ? '/' : '.');
  return { region, zone, subzone };
}

function workloadOfEntry(
  { metadata, spec }: ObjectOf<'WorkloadEntry'>,
  object: ObjectKey,
  networks: NetworkLookups,
): Workload {
  const { namespace } = metadata;
  const labels = { ...metadata.labels, ...spec.labels };
  return {
    object,
    name: metadata.name,
    namespace: metadata.namespace,
    ownerName: metadata.name,
    labels,
    serviceAccount: spec.serviceAccount,
    addresses: [spec.address],
    ports: Object.entries(spec.ports).map(([name, number]) => ({ name, number, protocol: 'TCP' })),
    ...(spec.locality === undefined ? {} : { locality: spec.locality }),
    network: networkOf({ network: spec.network, labels, namespace, address: spec.address }, networks),
    weight: spec.weight,
    isMeshed: labels[tlsModeLabel] === 'istio',
    health: spec.isUnhealthy === true ? 'unhealthy' : 'healthy',
    causes: [{ object }],
  };
}
