// The whole pipeline as one graph: store → mesh → Envoy resources. Sources are written by the rest of the app.

import { buildResources, type PatchCollections, type ProxyView, type ResourceCollection } from '@xebec/envoy';
import { type Collection, createGraph, type Graph, type Source } from '@xebec/flow';
import {
  buildMesh,
  configInputs,
  type MeshCollections,
  type MeshInputs,
  type MeshSettings,
} from '@xebec/mesh';
import type { KeySource, ProxyNode } from '@xebec/model';
import { deepEqual } from '@xebec/std';
import {
  createMemoryJournal,
  createStore,
  type Journal,
  type JournalContent,
  type Store,
} from '@xebec/store';
import './descriptors.ts';
import { corruptResources } from './corruption.ts';
import { deriveSettings, settingsAtStart } from './mesh-settings.ts';
import { checkPolicy } from './policy/check-policy.ts';
import { type LaunchOf, launchesOf } from './proxies/proxy-launches.ts';
import { createPatchSources, effectiveFilters, type PatchSources } from './verification/held-filters.ts';

export interface Pipeline {
  readonly graph: Graph;
  readonly store: Store;
  readonly mesh: MeshCollections;
  readonly resources: readonly ResourceCollection[];
  /** What each connected client sees, by node id. */
  readonly views: Collection<string, ProxyView>;
  readonly proxies: Source<string, ProxyNode>;
  readonly settings: Collection<'mesh', MeshSettings>;
  /** Trust domains of others whose roots proxies have. */
  readonly federation: Source<'mesh', readonly string[]>;
  /** Before what the ConfigMap of the mesh says over them. */
  readonly startSettings: MeshSettings;
  readonly patches: PatchCollections;
  /** Present when patched configuration is checked before it leaves. */
  readonly patchGate?: PatchSources;
  /** How a proxy is to be started. */
  readonly launchOf: LaunchOf;
  /** Virtual hosts a workload is known to use, by `NAMESPACE/WORKLOAD`. */
  readonly usedHosts: Source<string, readonly string[]>;
  /** Keys that tokens are signed with, as far as they have been fetched. */
  readonly keySets: Source<KeySource, string>;
}

export interface PipelineOptions {
  readonly journal?: Journal;
  readonly recovered?: JournalContent;
  readonly settings?: Partial<MeshSettings>;
  readonly clock: () => number;
  /** Patched configuration leaves only when a verifier has approved it. */
  readonly checksPatches?: boolean;
  /** Keys out of a secret of the mesh; absent: there is none. */
  readonly sessionKey?: MeshInputs['sessionKey'];
  /** For tests: see `corruptResources`. */
  readonly corrupt?: readonly string[];
}

export function createPipeline(options: PipelineOptions): Pipeline {
  const graph = createGraph();
  const store = createStore({
    graph,
    clock: options.clock,
    checkTogether: checkPolicy,
    journal: options.journal ?? createMemoryJournal(),
    ...(options.recovered === undefined ? {} : { recovered: options.recovered }),
  });
  const proxies = graph.source<string, ProxyNode>('proxies', { equals: sameProxy });
  const started = graph.source<'mesh', MeshSettings>('startSettings');
  const keySets = graph.source<KeySource, string>('keySets');
  const usedHosts = graph.source<string, readonly string[]>('usedHosts');
  const startSettings = settingsAtStart(options.settings);
  graph.transact(() => started.set('mesh', startSettings));
  const federation = graph.source<'mesh', readonly string[]>('federation', { equals: deepEqual });
  const settings = deriveSettings(graph, started, { configMaps: store.source('ConfigMap'), federation });
  const patchGate = options.checksPatches === true ? { patchGate: createPatchSources(graph) } : {};
  const inputs = configInputs(store);
  const envoyFilters =
    patchGate.patchGate === undefined
      ? inputs.envoyFilters
      : effectiveFilters(graph, inputs.envoyFilters, patchGate.patchGate.held);
  const mesh = buildMesh(graph, {
    ...{ ...inputs, envoyFilters, keySets, proxies, settings },
    ...(options.sessionKey === undefined ? {} : { sessionKey: options.sessionKey }),
  });
  const { types, views, patches } = buildResources(graph, { ...mesh, ...patchGate, proxies, settings });
  const resources = corruptResources(graph, types, options.corrupt ?? []);
  const launchOf = launchesOf(graph, store, () => settings.get('mesh')?.rootNamespace ?? 'istio-system');
  return {
    graph,
    store,
    mesh,
    resources,
    views,
    patches,
    ...patchGate,
    proxies,
    settings,
    federation,
    startSettings,
    launchOf,
    usedHosts,
    keySets,
  };
}

const sameProxy = (left: ProxyNode, right: ProxyNode): boolean =>
  JSON.stringify(left) === JSON.stringify(right);
