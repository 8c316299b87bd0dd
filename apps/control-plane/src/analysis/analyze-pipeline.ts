// Findings of a mesh, running or made of files: of its model, of patches to Envoy's configuration, and of each object by itself.
import { type AnyObject, parseObject, rawObject } from '@xebec/config';
import {
  type AnalysisInput,
  analyzeMesh,
  compareFindings,
  defaultSettings,
  type Finding,
  findingOf,
  findingOfDiagnostic,
  isReason,
  type Reason,
  reasonOf,
  warningOf,
} from '@xebec/mesh';
import type { ObjectKey } from '@xebec/model';
import type { Diagnostic, Origin } from '@xebec/std';
import type { Pipeline } from '../pipeline.ts';
import type { ObjectProblem } from '../verification/filter-problems.ts';
import { checkCredentials } from './credentials.ts';

export type KnownProblem = ObjectProblem & { readonly object: ObjectKey };

export interface AnalyzedScene extends AnalysisInput {
  readonly locate: (object: ObjectKey, field: string | undefined) => Origin | undefined;
  /** Secrets that were refused, as `NAMESPACE/NAME`. */
  readonly refusedSecrets: ReadonlySet<string>;
  readonly nowMs: number;
  /** What shows of objects once proxies have them. */
  readonly problems: readonly KnownProblem[];
}

/** In the order of files and lines. `ofObjects`: what is known of each object by itself. */
export function analyzeScene(scene: AnalyzedScene, ofObjects: readonly Finding[]): readonly Finding[] {
  const { objects, refusedSecrets: refused, nowMs } = scene;
  const ofMesh = [...analyzeMesh(scene), ...checkCredentials({ objects, refused, nowMs })].map((each) =>
    findingOf(each, scene.locate),
  );
  const inUse = scene.problems.map((each) => findingOfDiagnostic(each, reasonInUse(each), each.object));
  const told = new Set(ofMesh.map(placeOf));
  const alone = ofObjects.filter((each) => !told.has(placeOf(each)));
  return withoutGuesses([...alone, ...ofMesh, ...inUse]).sort(compareFindings);
}

/** A Secret that is there and bad is not missing. */
function withoutGuesses(findings: readonly Finding[]): Finding[] {
  const bad = new Set(findings.filter(({ reason }) => reason === 'gateway-secret-invalid').map(fieldOf));
  return findings.filter((each) => each.reason !== 'gateway-secret-missing' || !bad.has(fieldOf(each)));
}

const fieldOf = ({ kind, namespace, name, field = '' }: Finding): string =>
  `${kind}/${namespace}/${name}|${field}`;

/** One code at one field is one finding, whoever found it. */
const placeOf = (finding: Finding): string => `${finding.code}|${fieldOf(finding)}`;

const secretName = /^Secret\/(.*)$/;

const sceneOf = (pipeline: Pipeline, problems: readonly KnownProblem[]): AnalyzedScene => ({
  objects: pipeline.store.lookup,
  mesh: pipeline.mesh,
  settings: pipeline.settings.get('mesh') ?? defaultSettings,
  isWhole: true,
  locate: (object, field) => pipeline.store.locate(object, field),
  problems,
  refusedSecrets: new Set(
    pipeline.store.verdicts().flatMap(({ key }) => secretName.exec(key)?.slice(1) ?? []),
  ),
  nowMs: Date.now(),
});

/** Findings of a mesh that runs. */
export const analyzePipeline = (pipeline: Pipeline, problems: readonly KnownProblem[]): readonly Finding[] =>
  analyzeScene(sceneOf(pipeline, problems), findingsInStore(pipeline));

/** Depend on workloads that need a moment to start: not told to who has just applied something. */
const untilStarted: ReadonlySet<string> = new Set(['share-lost', 'gateway-selects-nothing']);

const warnings = new WeakMap<
  Pipeline['graph'],
  { readonly epoch: number; readonly found: readonly Diagnostic[] }
>();

/** What a change may have broken, as warnings; problems of objects in use are told by their own check. */
export function warningsOfMesh(pipeline: Pipeline): readonly Diagnostic[] {
  const { graph } = pipeline;
  const known = warnings.get(graph);
  if (known?.epoch === graph.epoch) return known.found;
  const found = analyzeScene(sceneOf(pipeline, []), [])
    .filter(({ reason }) => !untilStarted.has(reason))
    .flatMap((finding) => warningOf(finding) ?? []);
  warnings.set(graph, { epoch: graph.epoch, found });
  return found;
}

const reasonInUse = (problem: Diagnostic): Reason =>
  isReason(problem.code) ? problem.code : reasonOf(problem);

/** Findings of objects that the mesh holds: texts that were refused, and what the readers of good ones remark. */
function findingsInStore({ store }: Pick<Pipeline, 'store'>): readonly Finding[] {
  const refused = store
    .verdicts()
    .flatMap(({ key, diagnostics }) => diagnostics.map((each) => remark(each, key)));
  const remarks = store.list().flatMap(({ key, object, owner, manifest }) => {
    if (object === undefined || owner === 'runtime') return [];
    return warningsOf(object, manifest).map((each) =>
      remark({ ...each, origin: { ...store.locate(key, each.field), object: key } }, key),
    );
  });
  return [...refused, ...remarks.flat()];
}

/** What is remarked about a valid object is not kept: it is read once more. */
function warningsOf({ metadata }: AnyObject, manifest: unknown): readonly Diagnostic[] {
  const read = parseObject(rawObject(manifest, {}), { defaultNamespace: metadata.namespace || 'default' });
  return read.ok ? read.warnings : [];
}

export const remark = (diagnostic: Diagnostic, object: string): Finding =>
  findingOfDiagnostic(diagnostic, reasonOf(diagnostic), object);
