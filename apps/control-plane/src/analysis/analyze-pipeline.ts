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
  reasonOf,
  warningOf,
} from '@xebec/mesh';
import type { ObjectKey } from '@xebec/model';
import type { Diagnostic, Origin } from '@xebec/std';
import type { Pipeline } from '../pipeline.ts';
import { type FilterScene, filterProblems } from '../verification/filter-problems.ts';
import { checkCredentials } from './credentials.ts';

export interface AnalyzedScene extends AnalysisInput {
  readonly locate: (object: ObjectKey, field: string | undefined) => Origin | undefined;
  /** Secrets that were refused, as `NAMESPACE/NAME`. */
  readonly refusedSecrets: ReadonlySet<string>;
  readonly nowMs: number;
  /** Absent: there are no patches. */
  readonly filters?: FilterScene;
}

/** In the order of files and lines. `ofObjects`: what is known of each object by itself. */
export function analyzeScene(scene: AnalyzedScene, ofObjects: readonly Finding[]): readonly Finding[] {
  const { objects, refusedSecrets: refused, nowMs } = scene;
  const ofMesh = [...analyzeMesh(scene), ...checkCredentials({ objects, refused, nowMs })].map((each) =>
    findingOf(each, scene.locate),
  );
  const ofFilters = scene.filters === undefined ? [] : findingsOfFilters(scene.filters);
  const told = new Set(ofMesh.map(placeOf));
  const alone = ofObjects.filter((each) => !told.has(placeOf(each)));
  return withoutGuesses([...alone, ...ofMesh, ...ofFilters]).sort(compareFindings);
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

const sceneOf = (pipeline: Pipeline): AnalyzedScene => ({
  objects: pipeline.store.lookup,
  mesh: pipeline.mesh,
  settings: pipeline.settings.get('mesh') ?? defaultSettings,
  isWhole: true,
  locate: (object, field) => pipeline.store.locate(object, field),
  filters: pipeline,
  refusedSecrets: new Set(
    pipeline.store.verdicts().flatMap(({ key }) => secretName.exec(key)?.slice(1) ?? []),
  ),
  nowMs: Date.now(),
});

/** Findings of a mesh that runs. */
export const analyzePipeline = (pipeline: Pipeline): readonly Finding[] =>
  analyzeScene(sceneOf(pipeline), findingsInStore(pipeline));

/** Depend on workloads that need a moment to start: not told to who has just applied something. */
const untilStarted: ReadonlySet<string> = new Set(['share-lost', 'gateway-selects-nothing']);

/** What a change may have broken, as warnings. EnvoyFilters are told by their own check. */
export function warningsOfMesh(pipeline: Pipeline): readonly Diagnostic[] {
  const { filters: _filters, ...scene } = sceneOf(pipeline);
  return analyzeScene(scene, [])
    .filter(({ reason }) => !untilStarted.has(reason))
    .flatMap((finding) => warningOf(finding) ?? []);
}

function findingsOfFilters(scene: FilterScene): readonly Finding[] {
  const keys = [...scene.store.source('EnvoyFilter').keys()];
  return keys.flatMap((key) =>
    filterProblems(scene, key).flatMap((problem) =>
      isReason(problem.code) ? [findingOfDiagnostic(problem, problem.code, key)] : [],
    ),
  );
}

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
