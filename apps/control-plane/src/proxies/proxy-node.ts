// A client's node as the mesh knows it. Metadata keys are Istio's; what is missing gets the value that asks for least.
import { localityOfPod } from '@xebec/mesh';
import type { ProxyNode, ProxyRole } from '@xebec/model';
import type { ClientNode } from '@xebec/xds';
import { edgeTopologyOf } from './edge-topology.ts';

export type NodeResult =
  | { readonly ok: true; readonly proxy: ProxyNode }
  | { readonly ok: false; readonly message: string };

/** `ROLE~IP~POD.NAMESPACE~NAMESPACE.svc.DOMAIN`; proxyless clients may choose any id. */
export function readProxyNode(node: ClientNode, discovery: ProxyNode['discovery']): NodeResult {
  const [kind = '', address = '', workload = ''] = node.id.split('~');
  const metadata = node.metadata;
  const odd = oddText(metadata);
  if (odd !== undefined) return { ok: false, message: `node metadata ${odd} contains control characters` };
  const isProxyless = textOf(metadata['GENERATOR']) === 'grpc';
  if (!isProxyless && !['sidecar', 'router'].includes(kind)) {
    return { ok: false, message: `node id "${node.id}" is not of the form sidecar~IP~POD.NAMESPACE~DOMAIN` };
  }
  const role: ProxyRole = isProxyless ? 'grpc' : kind === 'router' ? 'router' : 'sidecar';
  const dot = workload.lastIndexOf('.');
  const namespace = textOf(metadata['NAMESPACE']) ?? (dot < 0 ? '' : workload.slice(dot + 1));
  const name = textOf(metadata['NAME']) ?? (dot < 0 ? workload : workload.slice(0, dot));
  if (namespace === '')
    return { ok: false, message: `node "${node.id}" does not say its namespace; set metadata NAMESPACE` };
  return { ok: true, proxy: proxyOf(node, { role, namespace, name, address }, discovery) };
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
const controlCharacter = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/;

/** The metadata that names something, and would break a line or a terminal where it is shown. */
function oddText(metadata: ClientNode['metadata']): string | undefined {
  const named = ['NAME', 'NAMESPACE', 'SERVICE_ACCOUNT', 'WORKLOAD_NAME', 'NETWORK', 'ISTIO_VERSION'];
  const texts = named.map((key) => [key, textOf(metadata[key]) ?? ''] as const);
  const labels = Object.entries(textMap(metadata['LABELS'])).map(
    (pair) => ['LABELS', pair.join('=')] as const,
  );
  return [...texts, ...labels].find(([, text]) => controlCharacter.test(text))?.[0];
}

type Place = Pick<ProxyNode, 'role' | 'namespace' | 'name' | 'address'>;

function proxyOf(node: ClientNode, place: Place, discovery: ProxyNode['discovery']): ProxyNode {
  const locality = localityOf(node);
  const { metadata } = node;
  const isExplicit = textOf(metadata['CAPTURE']) === 'explicit';
  const mayBeOnDemand = discovery === 'on-demand' && place.role === 'sidecar';
  const group = textOf(metadata['AUTO_REGISTER_GROUP']);
  const nodeName = textOf(metadata['NODE_NAME']);
  const topology = place.role === 'router' ? edgeTopologyOf(metadata['PROXY_CONFIG']) : undefined;
  const isOnDemand = mayBeOnDemand && textOf(metadata['ON_DEMAND_DISCOVERY']) === 'true';
  return {
    id: node.id,
    ...place,
    serviceAccount: textOf(metadata['SERVICE_ACCOUNT']) ?? 'default',
    labels: textMap(metadata['LABELS']),
    capture: isExplicit ? 'explicit' : 'transparent',
    ...(isExplicit ? {} : capturedAs(metadata)),
    applicationAddress: textOf(metadata['APPLICATION_ADDRESS']) ?? place.address,
    discovery: isOnDemand ? 'on-demand' : 'eager',
    workloadName: textOf(metadata['WORKLOAD_NAME']) ?? place.name,
    network: textOf(metadata['NETWORK']) ?? '',
    ...(nodeName === undefined ? {} : { node: nodeName }),
    ...(group === undefined ? {} : { workloadGroup: group }),
    gatewayPorts: portMap(metadata['GATEWAY_PORTS']),
    ...(textOf(metadata['ISTIO_VERSION']) === undefined
      ? {}
      : { version: textOf(metadata['ISTIO_VERSION']) ?? '' }),
    metadata: textMap(metadata),
    ...(textOf(metadata['CHOOSES_AFTER_HANDSHAKE']) === 'true' ? { choosesAfterHandshake: true } : {}),
    ...(textOf(metadata['KEEPS_AUDIT']) === 'true' ? { keepsAudit: true } : {}),
    ...(topology === undefined ? {} : { topology }),
    ...(locality === undefined ? {} : { locality }),
  };
}

/** What the node says, else the labels of its Pod. */
function localityOf({ locality, metadata }: ClientNode): ProxyNode['locality'] {
  if (locality === undefined || (locality.region === '' && locality.zone === '')) {
    return localityOfPod({ labels: textMap(metadata['LABELS']), annotations: {} });
  }
  return { region: locality.region, zone: locality.zone, subzone: locality.subZone };
}

function capturedAs(metadata: ClientNode['metadata']): Pick<ProxyNode, 'interception' | 'hasIpv6'> {
  const hasIpv6 = textOf(metadata['INSTANCE_IPS'])?.includes(':') === true;
  return {
    ...(textOf(metadata['INTERCEPTION_MODE']) === 'TPROXY' ? { interception: 'TPROXY' } : {}),
    ...(hasIpv6 ? { hasIpv6 } : {}),
  };
}

const textOf = (value: unknown): string | undefined =>
  typeof value === 'string' ? value : typeof value === 'boolean' ? String(value) : undefined;

function textMap(value: unknown): Readonly<Record<string, string>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return {};
  return Object.fromEntries(
    Object.entries(value).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
  );
}

function portMap(value: unknown): Readonly<Record<number, number>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return {};
  const ports = Object.entries(value).map(([from, to]) => [Number(from), Number(to)] as const);
  return Object.fromEntries(
    ports.filter((pair) => pair.every((port) => Number.isInteger(port) && port > 0 && port < 65_536)),
  );
}
