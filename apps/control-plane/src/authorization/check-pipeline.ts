// Questions about the policies of a mesh that runs: as it is, as it was, or as it would be with other documents.
import { parseDocuments, type RawObject, rawObject } from '@xebec/config';
import { type CheckScene, checkCall, defaultSettings, explainRule, listPolicies } from '@xebec/mesh';
import type { ObjectKey } from '@xebec/model';
import { fail, type Result, succeed } from '@xebec/std';
import { identify } from '@xebec/store';
import type { Pipeline } from '../pipeline.ts';
import { type Locate, shownAnswer } from './answers.ts';
import { checkerOf, type PolicyCheck } from './check-documents.ts';
import { shownRule } from './explained-rule.ts';
import { shownPolicies } from './held-policies.ts';
import { isSigned } from './token-signature.ts';

/** Which mesh is meant. */
export interface AskedMesh {
  readonly defaultNamespace: string;
  /** Absent: as it is. */
  readonly revision?: number;
  /** In the place of what has the same name. */
  readonly documents: readonly { readonly file: string; readonly text: string }[];
}

/** Fails when there was no such revision, or when an object of that mesh is not valid. */
export function checkerOfPipeline(pipeline: Pipeline, asked: AskedMesh): Result<PolicyCheck> {
  const { defaultNamespace, revision, documents } = asked;
  if (revision === undefined && documents.length === 0)
    return succeed(checkerOfRunning(pipeline, defaultNamespace));
  const base = objectsOf(pipeline, revision);
  if (!base.ok) return base;
  const files = documents.map(({ file, text }) => parseDocuments(text, file));
  const problems = files.flatMap(({ diagnostics }) =>
    diagnostics.filter(({ severity }) => severity === 'error'),
  );
  if (problems.length > 0) return fail(...problems);
  const written = files.flatMap(({ objects }) => objects);
  const names = new Set(written.map((raw) => identify(raw, defaultNamespace)));
  const rest = [...base.value].flatMap(([key, raw]) => (names.has(key) ? [] : [raw]));
  const checker = checkerOf([...written, ...rest], { defaultNamespace, settings: pipeline.startSettings });
  return checker.refused.length > 0 ? fail(...checker.refused) : succeed(checker);
}

function checkerOfRunning({ mesh, store, settings }: Pipeline, defaultNamespace: string): PolicyCheck {
  const scene: CheckScene = {
    mesh,
    settings: settings.get('mesh') ?? defaultSettings,
    defaultNamespace,
    isRunning: true,
    isSigned,
  };
  const locate: Locate = (object, field) => store.locate(object, field);
  return {
    refused: [],
    check: (question) => {
      const answer = checkCall(question, scene);
      return answer.ok ? succeed(shownAnswer(answer.value, locate)) : answer;
    },
    explain: (rule) => {
      const found = explainRule(rule, scene);
      return found.ok ? succeed(shownRule(found.value, locate)) : found;
    },
    list: (to) => {
      const held = listPolicies(to, scene);
      return held.ok ? succeed(shownPolicies(held.value, locate)) : held;
    },
  };
}

/** What was written, with the Pods that run now: they have no history. */
function objectsOf(
  { store }: Pipeline,
  revision: number | undefined,
): Result<ReadonlyMap<ObjectKey, RawObject>> {
  const objects = new Map<ObjectKey, RawObject>();
  for (const { key, manifest, owner } of store.list())
    if (revision === undefined || owner === 'runtime')
      objects.set(key, rawObject(manifest, store.locate(key) ?? { object: key }));
  if (revision === undefined) return succeed(objects);
  const past = store.objectsAt(revision);
  if (!past.ok) return past;
  for (const [key, manifest] of past.value) objects.set(key, rawObject(manifest, { object: key, revision }));
  return succeed(objects);
}
