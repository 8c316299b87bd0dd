// Questions about the policies of documents: no mesh needs to run. The model is the one that proxies are configured from.
import type { RawObject } from '@xebec/config';
import { type AuthorizationQuestion, checkCall, type Finding } from '@xebec/mesh';
import { type Diagnostic, type Result, succeed } from '@xebec/std';
import { type DocumentsOptions, meshOfObjects } from '../analysis/analyze-documents.ts';
import { type ShownAnswer, shownAnswer } from './answers.ts';

export interface PolicyCheck {
  /** What is wrong with the objects themselves; what is refused does not hold, so that no answer is worth anything. */
  readonly refused: readonly Diagnostic[];
  check(question: AuthorizationQuestion): Result<ShownAnswer>;
}

/** Reads objects once for any number of questions. */
export function checkerOf(raws: readonly RawObject[], options: DocumentsOptions): PolicyCheck {
  const { scene, findings } = meshOfObjects(raws, options);
  const { defaultNamespace } = options;
  return {
    refused: findings.filter(({ severity }) => severity === 'error').map(diagnosticOf),
    check: (question) => {
      const answer = checkCall(question, { ...scene, defaultNamespace, isRunning: false });
      return answer.ok ? succeed(shownAnswer(answer.value, scene.locate)) : answer;
    },
  };
}

const diagnosticOf = ({
  reason,
  message,
  remedy,
  field,
  origin,
  kind,
  namespace,
  name,
}: Finding): Diagnostic => ({
  severity: 'error',
  code: reason,
  message,
  ...(remedy === undefined ? {} : { remedy }),
  ...(field === undefined ? {} : { field }),
  origin: origin === '' ? { object: `${kind}/${namespace}/${name}` } : { file: origin },
});
