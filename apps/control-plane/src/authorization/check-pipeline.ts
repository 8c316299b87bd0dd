// Questions about the policies of a mesh that runs: as it is, as it was, or as it would be with other documents.
import { parseDocuments, type RawObject, rawObject } from '@xebec/config';
import { type AuthorizationQuestion, checkCall, defaultSettings } from '@xebec/mesh';
import type { ObjectKey } from '@xebec/model';
import { fail, type Result, succeed } from '@xebec/std';
import { identify } from '@xebec/store';
import type { Pipeline } from '../pipeline.ts';
import { type ShownAnswer, shownAnswer } from './answers.ts';
import { checkerOf } from './check-documents.ts';

export interface PipelineQuestion {
  readonly question: AuthorizationQuestion;
  readonly defaultNamespace: string;
  /** Absent: as it is. */
  readonly revision?: number;
  /** In the place of what has the same name. */
  readonly documents: readonly { readonly file: string; readonly text: string }[];
}

export function checkPipeline(pipeline: Pipeline, asked: PipelineQuestion): Result<ShownAnswer> {
  if (asked.revision === undefined && asked.documents.length === 0) return checkRunning(pipeline, asked);
  const base = objectsOf(pipeline, asked.revision);
  if (!base.ok) return base;
  const files = asked.documents.map(({ file, text }) => parseDocuments(text, file));
  const problems = files.flatMap(({ diagnostics }) =>
    diagnostics.filter(({ severity }) => severity === 'error'),
  );
  if (problems.length > 0) return fail(...problems);
  const written = files.flatMap(({ objects }) => objects);
  const names = new Set(written.map((raw) => identify(raw, asked.defaultNamespace)));
  const rest = [...base.value].flatMap(([key, raw]) => (names.has(key) ? [] : [raw]));
  const { defaultNamespace } = asked;
  const checker = checkerOf([...written, ...rest], { defaultNamespace, settings: pipeline.startSettings });
  return checker.refused.length > 0 ? fail(...checker.refused) : checker.check(asked.question);
}

function checkRunning(
  pipeline: Pipeline,
  { question, defaultNamespace }: PipelineQuestion,
): Result<ShownAnswer> {
  const { mesh, store } = pipeline;
  const settings = pipeline.settings.get('mesh') ?? defaultSettings;
  const answer = checkCall(question, { mesh, settings, defaultNamespace, isRunning: true });
  if (!answer.ok) return answer;
  return succeed(shownAnswer(answer.value, (object, field) => store.locate(object, field)));
}

/** What was written, with the Pods that run now: they have no history. */
function objectsOf(
  { store }: Pipeline,
  revision: number | undefined,
): Result<ReadonlyMap<ObjectKey, RawObject>> {
  const now = store.list();
  const objects = new Map<ObjectKey, RawObject>();
  for (const { key, manifest, owner } of now)
    if (revision === undefined || owner === 'runtime')
      objects.set(key, rawObject(manifest, store.locate(key) ?? { object: key }));
  if (revision === undefined) return succeed(objects);
  const past = store.objectsAt(revision);
  if (!past.ok) return past;
  for (const [key, manifest] of past.value) objects.set(key, rawObject(manifest, { object: key, revision }));
  return succeed(objects);
}
