// Findings of documents alone, without a mesh: the same readers, the same model and the same checks as of one that runs.
import {
  type AnyObject,
  type KindName,
  keyOf,
  kinds,
  type ObjectKey,
  type ObjectOf,
  parseObject,
  type RawObject,
} from '@xebec/config';
import { buildResources } from '@xebec/envoy';
import { type Collection, createGraph, type Graph, type Source } from '@xebec/flow';
import { buildMesh, configInputs, type Finding, type MeshCollections, type MeshSettings } from '@xebec/mesh';
import type { KeySource, ProxyNode } from '@xebec/model';
import { type Diagnostic, deepEqual, type Origin } from '@xebec/std';
import { duplicate, parseFieldPath } from '@xebec/store';
import '../descriptors.ts';
import { deriveSettings, deriveWrittenFederation, settingsAtStart } from '../mesh-settings.ts';
import { findMistakes, isCompiledObject } from '../policy/check-policy.ts';
import { extensionProblems } from '../verification/extension-problems.ts';
import { type FilterScene, filterProblems } from '../verification/filter-problems.ts';
import { type AnalyzedScene, analyzeScene, type KnownProblem, remark } from './analyze-pipeline.ts';
import { podOf, proxiesOf } from './workloads-to-be.ts';

export interface DocumentsOptions {
  /** For objects that name none. */
  readonly defaultNamespace: string;
  readonly settings?: Partial<MeshSettings>;
}

/** Analyses objects as they are written; never throws for what somebody wrote. */
export function analyzeDocuments(raws: readonly RawObject[], options: DocumentsOptions): readonly Finding[] {
  const read = readAll(raws, options);
  return analyzeRead(read, options, read.findings);
}

/** The same without what is wrong with each object by itself. */
export const analyzeTogether = (raws: readonly RawObject[], options: DocumentsOptions): readonly Finding[] =>
  analyzeRead(readAll(raws, options), options, []);

function analyzeRead(
  { known, refused }: ReadObjects,
  options: DocumentsOptions,
  ofObjects: readonly Finding[],
): readonly Finding[] {
  const scene = { ...sceneOf(known, options), refusedSecrets: new Set(refused), nowMs: Date.now() };
  return analyzeScene(scene, ofObjects);
}

/** The mesh that objects make, and what is wrong with each by itself. */
export function meshOfObjects(
  raws: readonly RawObject[],
  options: DocumentsOptions,
): { readonly scene: MeshScene; readonly findings: readonly Finding[] } {
  const { known, findings } = readAll(raws, options);
  return { scene: sceneOf(known, options), findings };
}

/** Findings of texts that are no documents. */
export const findingsOfText = (diagnostics: readonly Diagnostic[]): readonly Finding[] =>
  diagnostics.map((each) => remark(each, each.origin?.object ?? ''));

interface Known {
  readonly object: AnyObject;
  readonly raw: RawObject;
  /** Nobody wrote it: it would come to be. */
  readonly isToBe?: true;
}

interface ReadObjects {
  /** Of two with one name the first. */
  readonly known: ReadonlyMap<ObjectKey, Known>;
  readonly findings: readonly Finding[];
  /** Secrets that are not valid, as `NAMESPACE/NAME`. */
  readonly refused: readonly string[];
}

function readAll(raws: readonly RawObject[], options: DocumentsOptions): ReadObjects {
  const known = new Map<ObjectKey, Known>();
  const findings: Finding[] = [];
  const refused: string[] = [];
  const tell = (diagnostic: Diagnostic, object: string): void => {
    findings.push(remark(diagnostic, object));
  };
  for (const raw of raws) {
    const parsed = parseObject(raw, options);
    if (!parsed.ok) {
      const name = nameIn(raw, options);
      if (name.startsWith('Secret/')) refused.push(name.slice('Secret/'.length));
      for (const each of parsed.diagnostics) tell(each, each.origin?.object ?? name);
      continue;
    }
    const key = keyOf(parsed.value);
    const first = known.get(key);
    if (first === undefined) known.set(key, { object: parsed.value, raw });
    else tell(duplicate(key, first.raw, raw), key);
    for (const each of parsed.warnings) tell(each, key);
  }
  for (const diagnostic of mistakesIn(known.values())) tell(diagnostic, diagnostic.origin?.object ?? '');
  addWorkloads(known, raws, options);
  return { known, findings, refused };
}

/** What shows in objects of the policy service when they are compiled together. */
function mistakesIn(known: Iterable<Known>): readonly Diagnostic[] {
  const objects = [...known].filter(({ object }) => isCompiledObject(object));
  const raws = new Map(objects.map(({ object, raw }) => [keyOf(object), raw]));
  const found = findMistakes(objects.map(({ object }) => object).filter(isCompiledObject));
  return found.map(({ key, diagnostic }) => {
    const path = parseFieldPath(diagnostic.field ?? '') ?? [];
    return { ...diagnostic, origin: { ...raws.get(key)?.locate(path), object: key } };
  });
}

/** The same of texts, for who reads them otherwise. */
export const policyMistakes = (
  read: Iterable<{ readonly object: AnyObject; readonly raw: RawObject }>,
): readonly Diagnostic[] => mistakesIn(read);

/** `Kind/namespace/name` as far as it is written. */
function nameIn({ value }: RawObject, { defaultNamespace }: DocumentsOptions): string {
  const text = (of: unknown, key: string): string => {
    const found = typeof of === 'object' && of !== null && Object.hasOwn(of, key) ? Reflect.get(of, key) : '';
    return typeof found === 'string' ? found.slice(0, 253) : '';
  };
  const metadata = typeof value === 'object' && value !== null ? Reflect.get(value, 'metadata') : undefined;
  return `${text(value, 'kind')}/${text(metadata, 'namespace') || defaultNamespace}/${text(metadata, 'name')}`;
}

/** Pods as they would run: those of the files get an address, workloads one each. */
function addWorkloads(
  known: Map<ObjectKey, Known>,
  raws: readonly RawObject[],
  { defaultNamespace }: DocumentsOptions,
): void {
  for (const [position, raw] of raws.entries()) {
    const pod = podOf(raw, defaultNamespace, position + 1);
    if (pod === undefined) continue;
    const key = keyOf(pod);
    known.set(key, { object: pod, raw, ...(isWritten(raw) ? {} : { isToBe: true as const }) });
  }
}

const isWritten = ({ value }: RawObject): boolean =>
  typeof value === 'object' && value !== null && Reflect.get(value, 'kind') === 'Pod';

class Sources {
  private readonly byKind: ReadonlyMap<KindName, Source<ObjectKey, AnyObject>>;

  constructor(graph: Graph) {
    this.byKind = new Map(
      kinds.map(({ kind }) => [kind, graph.source<ObjectKey, AnyObject>(kind, { equals: deepEqual })]),
    );
  }

  readonly source = <K extends KindName>(kind: K): Source<ObjectKey, ObjectOf<K>> => {
    // A source of a kind holds objects of that kind only: `set` sees to it.
    return this.byKind.get(kind) as unknown as Source<ObjectKey, ObjectOf<K>>;
  };

  set(key: ObjectKey, object: AnyObject): void {
    this.byKind.get(object.kind)?.set(key, object);
  }
}

/** Kinds that change what Envoy gets. */
const patching: ReadonlySet<string> = new Set(['EnvoyFilter', 'WasmPlugin', 'TrafficExtension']);

export type MeshScene = Omit<AnalyzedScene, 'refusedSecrets' | 'nowMs'>;

function sceneOf(known: ReadonlyMap<ObjectKey, Known>, { settings: base }: DocumentsOptions): MeshScene {
  const graph = createGraph();
  const sources = new Sources(graph);
  const proxies = graph.source<string, ProxyNode>('proxies', { equals: deepEqual });
  const started = graph.source<'mesh', MeshSettings>('startSettings');
  const keySets = graph.source<KeySource, string>('keySets');
  const isPatched = [...known.values()].some(({ object }) => patching.has(object.kind));
  graph.transact(() => {
    started.set('mesh', settingsAtStart(base));
    for (const [key, { object }] of known) sources.set(key, object);
    for (const proxy of proxiesOfAll(known, isPatched)) proxies.set(proxy.id, proxy);
  });
  const configMaps = sources.source('ConfigMap');
  const federation = deriveWrittenFederation(graph, started, configMaps);
  const settings = deriveSettings(graph, started, { configMaps, federation });
  const mesh = buildMesh(graph, { ...configInputs(sources), sessionKey, keySets, proxies, settings });
  const locate = locateIn(known);
  return {
    objects: { list: <K extends KindName>(kind: K) => writtenOf(sources.source(kind), known) },
    mesh,
    settings: settings.get('mesh') ?? settingsAtStart(base),
    isWhole: false,
    locate,
    // Without patches nothing that is told depends on what Envoy gets.
    problems: isPatched ? problemsOf(graph, { mesh, proxies, settings, sources, locate }) : [],
  };
}

interface FilterParts {
  readonly mesh: MeshCollections;
  readonly proxies: Source<string, ProxyNode>;
  readonly settings: Collection<'mesh', MeshSettings>;
  readonly sources: Sources;
  readonly locate: AnalyzedScene['locate'];
}

function problemsOf(
  graph: Graph,
  { mesh, proxies, settings, sources, locate }: FilterParts,
): readonly KnownProblem[] {
  const { types: resources, views, patches } = buildResources(graph, { ...mesh, proxies, settings });
  const scene: FilterScene = { mesh, resources, views, patches, store: { source: sources.source, locate } };
  return [
    ...[...sources.source('EnvoyFilter').keys()].flatMap((object) =>
      filterProblems(scene, object).map((each) => ({ ...each, object })),
    ),
    ...[...mesh.extensions.keys()].flatMap((object) =>
      extensionProblems(scene, object).map((each) => ({ ...each, object })),
    ),
  ];
}

function proxiesOfAll(known: ReadonlyMap<ObjectKey, Known>, isPatched: boolean): readonly ProxyNode[] {
  const objects = [...known.values()].map(({ object }) => object);
  const pods = objects.filter((object) => object.kind === 'Pod');
  const gateways = objects.filter((object) => object.kind === 'Gateway');
  return proxiesOf(pods, gateways, isPatched ? ['transparent', 'explicit'] : ['transparent']);
}

function* writtenOf<V>(source: Source<ObjectKey, V>, known: ReadonlyMap<ObjectKey, Known>): Generator<V> {
  for (const [key, value] of source.entries()) if (known.get(key)?.isToBe !== true) yield value;
}

const locateIn =
  (known: ReadonlyMap<ObjectKey, Known>) =>
  (key: ObjectKey, field = ''): Origin | undefined => {
    const raw = known.get(key)?.raw;
    return raw === undefined ? undefined : { ...raw.locate(parseFieldPath(field) ?? []), object: key };
  };

/** Whatever mesh it will be has one; nothing of it is shown. */
const sessionKey = (): Uint8Array => new Uint8Array(32);
