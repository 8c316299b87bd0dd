// Which mesh a question about policies is for: documents alone, or the one that runs, as it is, was or would be.
import type { PolicyCheck } from '@xebec/control-plane';
import { fail, type Result } from '@xebec/std';
import { controlPlaneOf } from '../admin/control-plane.ts';
import type { Cli } from '../cli.ts';
import type { AskedMeshOptions } from '../commands/authz.ts';
import { manifestsToBe } from '../documents/manifests-to-be.ts';
import { readDocuments } from '../documents/read-documents.ts';
import { stateDirectory } from '../state/state-directory.ts';

export interface Question<T> {
  /** Answers it from documents alone. */
  readonly here: (checker: PolicyCheck) => Result<T>;
  /** The request that asks a control plane, and its answer. */
  readonly path: string;
  readonly body: Readonly<Record<string, unknown>>;
  readonly read: (answer: unknown) => Result<T>;
}

export async function askMesh<T>(
  cli: Cli,
  { filename = [], at, namespace, state }: AskedMeshOptions,
  question: Question<T>,
): Promise<Result<T>> {
  const read = await readDocuments(cli, filename);
  if (!read.ok) return read;
  if (filename.length > 0 && at === undefined) {
    const { objects, broken, local } = await manifestsToBe(read.value, cli.cwd);
    const problems = [...broken, ...local].filter(({ severity }) => severity === 'error');
    if (problems.length > 0) return fail(...problems);
    const { checkerOf } = await import('@xebec/control-plane');
    const checker = checkerOf(objects, { defaultNamespace: namespace });
    return checker.refused.length > 0 ? fail(...checker.refused) : question.here(checker);
  }
  const answer = await controlPlaneOf(stateDirectory(cli, state)).post(question.path, {
    ...question.body,
    namespace,
    documents: read.value,
    ...(typeof at === 'number' ? { revision: at } : {}),
  });
  return answer.ok ? question.read(answer.value) : answer;
}
