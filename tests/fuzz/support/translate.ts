// Accepted objects in a small mesh: what they become, and what Envoy says of it.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createPipeline, type Pipeline } from '@xebec/control-plane';
import {
  keyOf,
  kinds,
  type ObjectKey,
  parseDocuments,
  parseObject,
  type RawObject,
  rawObject,
} from '../../../packages/config/src/index.ts';
import type { ConfigMesh } from '../../../packages/envoy/src/testing/config-mesh.ts';
import { proxyOf } from '../../../packages/envoy/src/testing/proxies.ts';
import { duplicateDomains, visibleTo } from '../../../packages/envoy/src/testing/visible.ts';
import type { ProxyNode } from '../../../packages/model/src/index.ts';

const base = parseDocuments(
  readFileSync(join(import.meta.dirname, 'base.yaml'), 'utf8'),
  'base.yaml',
).objects;

const sidecar = (namespace: string, options: Partial<ProxyNode>): ProxyNode => {
  const id = `sidecar~10.244.0.2~${options.capture}-${options.discovery}.${namespace}~${namespace}.svc.cluster.local`;
  return proxyOf({
    id,
    name: 'reviews-v1',
    namespace,
    labels: { app: 'reviews', version: 'v1' },
    ...options,
  });
};

const proxies: readonly ProxyNode[] = [
  sidecar('default', { capture: 'transparent', discovery: 'eager' }),
  sidecar('shop', { capture: 'explicit', discovery: 'on-demand', choosesAfterHandshake: true }),
  proxyOf({
    id: 'router',
    role: 'router',
    choosesAfterHandshake: true,
    name: 'gateway',
    labels: { istio: 'ingressgateway', app: 'edge' },
  }),
  proxyOf({ id: 'grpc', role: 'grpc', namespace: 'shop', name: 'client' }),
];

const pod = (name: string, namespace: string, app: string, version: string) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace, labels: { app, version } },
  spec: { serviceAccountName: app, containers: [{ name: 'a', image: 'a', ports: [{ containerPort: 80 }] }] },
  status: {
    phase: 'Running',
    podIP: `10.244.0.${2 + name.length + namespace.length}`,
    conditions: [{ type: 'Ready', status: 'True' }],
  },
});

const pods = [pod('reviews-v1', 'default', 'reviews', 'v1'), pod('ratings-v2', 'shop', 'ratings', 'v2')];

export interface Proving {
  /** Adds objects to the small mesh for as long as `look` runs; everything that went wrong, a line each. */
  with(
    objects: readonly RawObject[],
    look?: (mesh: Pick<ConfigMesh, 'types' | 'views'>) => void,
  ): readonly string[];
}

const request = { author: 'fuzz', owner: 'api', mode: 'each' } as const;

export function createProving(): Proving {
  const pipeline = createPipeline({ clock: () => 0 });
  const faults = add(pipeline, [...base, ...pods.map((manifest) => rawObject(manifest, { file: 'pods' }))]);
  if (faults.length > 0) throw new Error(faults.join('\n'));
  pipeline.graph.transact(() => {
    for (const node of proxies) pipeline.proxies.set(node.id, node);
  });
  return {
    with: (objects, look = () => undefined) => {
      const added = add(pipeline, objects);
      look({ types: pipeline.resources, views: pipeline.views });
      return [...added, ...remove(pipeline, objects)];
    },
  };
}

/** Domains that two virtual hosts of one table claim, for some proxy. */
export const sharedDomains = (mesh: Pick<ConfigMesh, 'types' | 'views'>): readonly string[] =>
  proxies.flatMap((proxy) =>
    duplicateDomains(visibleTo(proxy, mesh)).map((fault) => `${proxy.id}: ${fault}`),
  );

const isPod = ({ value }: RawObject): boolean => Reflect.get(Object(value), 'kind') === 'Pod';

const policyGroups = ['config.istio.io', 'policy.xebec.io'];

/** What the policy service's compiler refuses is well-formed, and wrong beside others. */
const isCompiled = (key: ObjectKey | undefined): boolean =>
  kinds.some(({ kind, group }) => policyGroups.includes(group) && key?.startsWith(`${kind}/`) === true);

/** Everything but Pods is one change. */
function add({ store, graph }: Pipeline, objects: readonly RawObject[]): readonly string[] {
  const applied = store.apply({ ...request, upserts: objects.filter((raw) => !isPod(raw)) });
  const refusals = applied.ok
    ? applied.value.refused.filter(({ key }) => !isCompiled(key)).flatMap(({ diagnostics }) => diagnostics)
    : applied.diagnostics;
  const put = objects.filter(isPod).map(({ value }) => store.putRuntime(Object(value)));
  const others = put.flatMap((result) => (result.ok ? [] : result.diagnostics));
  return [...[...refusals, ...others].map(({ message }) => `not applied: ${message}`), ...errorsOf(graph)];
}

/** What was there before is there again. */
function remove({ store, graph }: Pipeline, objects: readonly RawObject[]): readonly string[] {
  const kept = new Set([...base].map(keyIn));
  const added = objects.filter((raw) => !isPod(raw)).map(keyIn);
  const deletes = added.filter((key) => key !== undefined).filter((key) => !kept.has(key));
  store.apply({ ...request, deletes, upserts: base });
  for (const raw of objects.filter(isPod)) {
    const key = keyIn(raw);
    if (key !== undefined) store.deleteRuntime(key);
  }
  for (const manifest of pods) store.putRuntime(manifest);
  return errorsOf(graph).map((fault) => `after removal: ${fault}`);
}

const errorsOf = (graph: Pipeline['graph']): readonly string[] =>
  graph
    .errors()
    .map(
      ({ collection, key, error }) =>
        `${collection} ${key}: ${error instanceof Error ? error.stack : String(error)}`,
    );

function keyIn(raw: RawObject): ObjectKey | undefined {
  const parsed = parseObject(raw, { defaultNamespace: 'default' });
  return parsed.ok ? keyOf(parsed.value) : undefined;
}
