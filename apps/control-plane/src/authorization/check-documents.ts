// Questions about the policies of documents: no mesh needs to run. The model is the one that proxies are configured from.
import type { RawObject } from '@xebec/config';
import { type AuthorizationQuestion, checkCall, explainRule, type Finding, listPolicies } from '@xebec/mesh';
import { type Diagnostic, type Result, succeed } from '@xebec/std';
import { type DocumentsOptions, meshOfObjects } from '../analysis/analyze-documents.ts';
import { type ShownAnswer, shownAnswer } from './answers.ts';
import { type ShownRule, shownRule } from './explained-rule.ts';
import { type ShownPolicies, shownPolicies } from './held-policies.ts';
import { isSigned } from './token-signature.ts';

export interface PolicyCheck {
  /** What is wrong with the objects themselves; what is refused does not hold, so that no answer is worth anything. */
  readonly refused: readonly Diagnostic[];
  check(question: AuthorizationQuestion): Result<ShownAnswer>;
  /** Which policies hold at a service or a workload. */
  list(to: string): Result<readonly ShownPolicies[]>;
  /** Where a rule of the policy service is enforced. */
  explain(rule: string): Result<ShownRule>;
}

/** Reads objects once for any number of questions. */
export function checkerOf(raws: readonly RawObject[], options: DocumentsOptions): PolicyCheck {
  const { scene, findings } = meshOfObjects(raws, options);
  const { defaultNamespace } = options;
  const asked = { ...scene, defaultNamespace, isRunning: false, isSigned };
  return {
    refused: findings.filter(({ severity }) => severity === 'error').map(diagnosticOf),
    check: (question) => {
      const answer = checkCall(question, asked);
      return answer.ok ? succeed(shownAnswer(answer.value, scene.locate)) : answer;
    },
    explain: (rule) => {
      const found = explainRule(rule, asked);
      return found.ok ? succeed(shownRule(found.value, scene.locate)) : found;
    },
    list: (to) => {
      const held = listPolicies(to, asked);
      return held.ok ? succeed(shownPolicies(held.value, scene.locate)) : held;
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
