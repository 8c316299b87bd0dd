// A mesh made of YAML, as a control plane makes it: documents → store → mesh → resources, with proxies that a test connects.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type AnyObject, parseDocuments, parseObject, type RawObject } from '@xebec/config';
import { createGraph, type Graph, type Source } from '@xebec/flow';
import {
  buildMesh,
  configInputs,
  defaultSettings,
  type MeshCollections,
  type MeshSettings,
} from '@xebec/mesh';
import type { KeySource, ProxyNode } from '@xebec/model';
import { provideDescriptors } from '@xebec/protos';
import { type Diagnostic, deepEqual } from '@xebec/std';
import { createMemoryJournal, createStore, type Store } from '@xebec/store';
import { buildResources, type EnvoyCollections, type ResourceCollection } from '../build.ts';
import { type EncodedResource, type ResourceKey, typeUrls } from '../resource.ts';

provideDescriptors(() =>
  readFileSync(fileURLToPath(import.meta.resolve('@xebec/protos/descriptors/envoy.binpb'))),
);

export interface ConfigMesh {
  readonly graph: Graph;
  readonly store: Store;
  readonly mesh: MeshCollections;
  readonly types: readonly ResourceCollection[];
  readonly views: EnvoyCollections['views'];
  readonly proxies: Source<string, ProxyNode>;
  readonly keySets: Source<KeySource, string>;
  /** One revision for everything but Pods; throws what was refused. */
  apply(text: string, file?: string): void;
  connect(...nodes: readonly ProxyNode[]): void;
}

export class RefusedConfig extends Error {
  readonly diagnostics: readonly Diagnostic[];
  constructor(diagnostics: readonly Diagnostic[]) {
    super(diagnostics.map(({ field, code, message }) => `${field ?? ''} ${code}: ${message}`).join('; '));
    this.diagnostics = diagnostics;
  }
}

export function createConfigMesh(settings: Partial<MeshSettings> = {}): ConfigMesh {
  const graph = createGraph();
  const store = createStore({ graph, clock: () => 0, journal: createMemoryJournal(), newUid: () => 'uid' });
  const proxies = graph.source<string, ProxyNode>('proxies', { equals: deepEqual });
  const source = graph.source<'mesh', MeshSettings>('settings');
  const keySets = graph.source<KeySource, string>('keySets');
  graph.transact(() => source.set('mesh', { ...defaultSettings, ...settings }));
  const sessionKey = (name: string): Uint8Array =>
    new TextEncoder().encode(`a key for ${name}`.padEnd(32, '.'));
  const inputs = { ...configInputs(store), sessionKey, keySets, proxies, settings: source };
  const mesh = buildMesh(graph, inputs);
  const { types, views } = buildResources(graph, { ...mesh, proxies, settings: source });
  return {
    graph,
    store,
    mesh,
    types,
    views,
    proxies,
    keySets,
    apply: (text, file = 'mesh.yaml') => applyText(store, text, file),
    connect: (...nodes) => {
      graph.transact(() => {
        for (const node of nodes) proxies.set(node.id, node);
      });
    },
  };
}

function applyText(store: Store, text: string, file: string): void {
  const parsed = parseDocuments(text, file);
  if (parsed.diagnostics.length > 0) throw new RefusedConfig(parsed.diagnostics);
  const objects = parsed.objects.map((raw) => ({ raw, object: parse(raw) }));
  const durable = objects.filter(({ object }) => object.kind !== 'Pod').map(({ raw }) => raw);
  const applied = store.apply({ upserts: durable, author: 'test', owner: 'api', mode: 'all-or-nothing' });
  if (!applied.ok) throw new RefusedConfig(applied.diagnostics);
  for (const { object } of objects) {
    if (object.kind !== 'Pod') continue;
    const put = store.putRuntime(object.manifest);
    if (!put.ok) throw new RefusedConfig(put.diagnostics);
  }
}

function parse(raw: RawObject): AnyObject {
  const parsed = parseObject(raw, { defaultNamespace: 'default' });
  if (!parsed.ok) throw new RefusedConfig(parsed.diagnostics);
  return parsed.value;
}

/** The names that goldens give to the resource types. */
export const typeNames = {
  clusters: [typeUrls.cluster],
  endpoints: [typeUrls.endpoint],
  listeners: [typeUrls.listener],
  routes: [typeUrls.route, typeUrls.virtualHost],
  secrets: [typeUrls.secret],
  extensions: [typeUrls.extension],
} as const;

export type TypeName = keyof typeof typeNames;

/** All resources of a golden's type, by `LAYER|NAME` in order; `whole` are those that are virtual hosts of their own. */
export function resourcesOf(
  { types }: Pick<ConfigMesh, 'types'>,
  name: TypeName,
): readonly (readonly [ResourceKey, EncodedResource, string])[] {
  return types
    .filter(({ typeUrl }) => typeNames[name].some((url) => url === typeUrl))
    .flatMap(({ typeUrl, resources }) =>
      [...resources.entries()].map(([key, resource]) => [key, resource, typeUrl] as const),
    )
    .sort(([left], [right]) => (left < right ? -1 : 1));
}

export const bytesOf = ({ chunks }: EncodedResource): Uint8Array => Buffer.concat(chunks);
