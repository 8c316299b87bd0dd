// The Pods and proxies that objects of files would become, one for each workload: so that the model is that of a mesh that runs.
import { type AnyObject, parseObject, type RawObject, rawObject } from '@xebec/config';
import type { ProxyNode } from '@xebec/model';

type PodObject = Extract<AnyObject, { readonly kind: 'Pod' }>;
type GatewayObject = Extract<AnyObject, { readonly kind: 'Gateway' }>;

/** Kinds of Kubernetes that run Pods from a template, read by the mesh or not. */
const runners: ReadonlySet<string> = new Set([
  'Deployment',
  'StatefulSet',
  'DaemonSet',
  'ReplicaSet',
  'Rollout',
  'Job',
]);

const apiVersion = 'v1';

/** A running Pod for a workload or for a Pod of the files; undefined for anything else. */
export function podOf(raw: RawObject, namespace: string, number: number): PodObject | undefined {
  const kind = textAt(raw.value, 'kind');
  const isPod = kind === 'Pod';
  if (!isPod && !runners.has(kind)) return undefined;
  const template = isPod ? raw.value : valueAt(raw.value, 'spec', 'template');
  const name = textAt(raw.value, 'metadata', 'name');
  const metadata = valueAt(template, 'metadata');
  const manifest = {
    apiVersion,
    kind: 'Pod',
    metadata: {
      name: isPod ? name : `${name.slice(0, 240)}-0`,
      namespace: textAt(raw.value, 'metadata', 'namespace') || namespace,
      labels: valueAt(metadata, 'labels') ?? {},
      annotations: valueAt(metadata, 'annotations') ?? {},
      ...(isPod ? {} : { ownerReferences: [{ apiVersion: 'apps/v1', kind, name, controller: true }] }),
    },
    spec: runnable(valueAt(template, 'spec')),
    status: running(number),
  };
  const parsed = parseObject(rawObject(manifest, {}), { defaultNamespace: namespace });
  return parsed.ok && parsed.value.kind === 'Pod' ? parsed.value : undefined;
}

/** As much of it as the mesh looks at: what is wrong with the rest is told elsewhere. */
function runnable(spec: unknown): unknown {
  const containers = valueAt(spec, 'containers');
  const known: readonly unknown[] = Array.isArray(containers) && containers.length > 0 ? containers : [{}];
  return {
    ...partOf(spec, ['serviceAccountName', 'hostNetwork', 'nodeName', 'securityContext']),
    containers: known.map((each, position) => ({
      name: textAt(each, 'name') || `container-${position}`,
      image: 'any',
      ...partOf(each, ['ports', 'securityContext']),
    })),
  };
}

const partOf = (value: unknown, names: readonly string[]): Readonly<Record<string, unknown>> =>
  Object.fromEntries(
    names.flatMap((name) => {
      const found = valueAt(value, name);
      return found === undefined ? [] : [[name, found]];
    }),
  );

const running = (number: number) => {
  const podIP = `10.${128 + ((number >> 16) & 127)}.${(number >> 8) & 255}.${number & 255}`;
  return {
    phase: 'Running',
    podIP,
    podIPs: [{ ip: podIP }],
    conditions: [{ type: 'Ready', status: 'True' }],
  };
};

/** The proxies of these Pods: of those that some Gateway selects routers. Gateways that select none get one of their own. */
export function proxiesOf(
  pods: readonly PodObject[],
  gateways: readonly GatewayObject[],
  captures: readonly ProxyNode['capture'][],
): readonly ProxyNode[] {
  const served = new Set<GatewayObject>();
  const proxies = pods.flatMap(({ metadata, spec }): readonly ProxyNode[] => {
    const selecting = gateways.filter(({ spec: { selector } }) => hasAll(metadata.labels, selector));
    for (const gateway of selecting) served.add(gateway);
    const place = { ...metadata, address: spec.status.podIP, serviceAccount: spec.serviceAccountName };
    if (selecting.length > 0) return [proxyOf({ ...place, role: 'router', capture: 'transparent' })];
    return captures.map((capture) => proxyOf({ ...place, role: 'sidecar', capture }));
  });
  const bySelector = new Map<string, GatewayObject>();
  for (const gateway of gateways)
    if (!served.has(gateway)) bySelector.set(JSON.stringify(gateway.spec.selector), gateway);
  const alone = [...bySelector.values()].map(({ metadata, spec }, position) =>
    proxyOf({
      name: `gateway-${position}`,
      namespace: metadata.namespace,
      labels: spec.selector,
      address: `10.127.${(position >> 8) & 255}.${position & 255}`,
      serviceAccount: 'default',
      role: 'router',
      capture: 'transparent',
    }),
  );
  return [...proxies, ...alone];
}

const hasAll = (
  labels: Readonly<Record<string, string>>,
  wanted: Readonly<Record<string, string>>,
): boolean => Object.entries(wanted).every(([key, value]) => labels[key] === value);

type Place = Pick<
  ProxyNode,
  'role' | 'capture' | 'namespace' | 'name' | 'address' | 'serviceAccount' | 'labels'
>;

const proxyOf = ({ role, capture, namespace, name, address, serviceAccount, labels }: Place): ProxyNode => ({
  id: `${role}~${address}~${name}.${namespace}~${namespace}.svc.cluster.local${capture === 'explicit' ? '~explicit' : ''}`,
  role,
  capture,
  namespace,
  name,
  address,
  serviceAccount,
  labels,
  applicationAddress: address,
  discovery: role === 'router' ? 'eager' : 'on-demand',
  workloadName: name,
  network: '',
  gatewayPorts: {},
  version: '1.29.0',
  metadata: {},
});

function valueAt(value: unknown, ...path: readonly string[]): unknown {
  let found = value;
  for (const key of path) {
    if (typeof found !== 'object' || found === null || !Object.hasOwn(found, key)) return undefined;
    found = (found as Readonly<Record<string, unknown>>)[key];
  }
  return found;
}

function textAt(value: unknown, ...path: readonly string[]): string {
  const found = valueAt(value, ...path);
  return typeof found === 'string' ? found : '';
}
