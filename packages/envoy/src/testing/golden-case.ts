// A golden's input: an options document, then the YAML that a person writes.
import { parseDocuments } from '@xebec/config';
import type { MeshSettings } from '@xebec/mesh';
import type { KeySource, ProxyNode, ProxyRole } from '@xebec/model';
import { type ConfigMesh, createConfigMesh, type TypeName } from './config-mesh.ts';

/** What the first document of a case says. */
export interface GoldenOptions {
  /** `ROLE: NAMESPACE/NAME` and what differs from a transparent sidecar that is told everything. */
  readonly proxies: readonly GoldenProxy[];
  readonly settings?: Partial<MeshSettings>;
  /** By type: what a key of the resource must contain to be shown. */
  readonly show: Readonly<Partial<Record<TypeName, readonly string[]>>>;
  /** What has been fetched, by its name. */
  readonly fetched?: Readonly<Record<KeySource, string>>;
  /** Access logs and metrics are the matter. */
  readonly telemetry?: boolean;
}

type GoldenProxy = Partial<Record<ProxyRole, `${string}/${string}`>> & Partial<ProxyNode>;

export interface GoldenCase {
  readonly options: GoldenOptions;
  readonly mesh: ConfigMesh;
}

export function readGolden(text: string, file: string): GoldenCase {
  const end = text.indexOf('\n---\n');
  const [head] = parseDocuments(text.slice(0, end + 1), file).objects;
  if (head === undefined) throw new Error(`${file} starts with no options`);
  const options = head.value as GoldenOptions;
  const mesh = createConfigMesh(options.settings);
  mesh.connect(...options.proxies.map(nodeOf));
  mesh.graph.transact(() => {
    for (const [source, content] of Object.entries(options.fetched ?? {}))
      mesh.keySets.set(source as KeySource, content);
  });
  mesh.apply(text.slice(end + 5), file);
  return { options, mesh };
}

const roles: readonly ProxyRole[] = ['sidecar', 'router', 'grpc'];

function nodeOf(proxy: GoldenProxy, position: number): ProxyNode {
  const role = roles.find((name) => proxy[name] !== undefined) ?? 'sidecar';
  const [namespace = '', name = ''] = (proxy[role] ?? '').split('/');
  const address = `127.0.9.${position + 1}`;
  return {
    id: `${role}~${address}~${name}.${namespace}~${namespace}.svc.cluster.local`,
    role,
    namespace,
    name,
    serviceAccount: name,
    address,
    labels: {},
    capture: 'transparent',
    applicationAddress: '127.0.0.1',
    discovery: 'eager',
    workloadName: name,
    network: '',
    gatewayPorts: {},
    ...Object.fromEntries(Object.entries(proxy).filter(([key]) => !roles.some((each) => each === key))),
  };
}
