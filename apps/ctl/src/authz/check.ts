// May this client do this there? Exit code 0 only for yes, 1 only for no: whatever else happens is 2.
import type { AuthorizationQuestion } from '@xebec/control-plane';
import { fail, type Result } from '@xebec/std';
import { controlPlaneOf } from '../admin/control-plane.ts';
import type { Cli } from '../cli.ts';
import type { AuthzCheckOptions } from '../commands/authz.ts';
import { manifestsToBe } from '../documents/manifests-to-be.ts';
import { readDocuments } from '../documents/read-documents.ts';
import { type ExitCode, exitCode } from '../exit-code.ts';
import { printDiagnostics } from '../output/diagnostics.ts';
import { printStructured } from '../output/structured.ts';
import { stateDirectory } from '../state/state-directory.ts';
import { printAnswer } from './print-answer.ts';
import { type Answer, readAnswer } from './read-answer.ts';

export async function authzCheck(cli: Cli, options: AuthzCheckOptions): Promise<ExitCode> {
  const question = questionOf(options);
  const answer = await answerTo(cli, question, options);
  if (!answer.ok) {
    printDiagnostics(cli, answer.diagnostics);
    return exitCode.wrongUsage;
  }
  if (options.output === 'json') await printStructured(cli, 'json', answer.value);
  else printAnswer(cli, question, answer.value);
  return answer.value.decision === 'ALLOW' ? exitCode.done : exitCode.failed;
}

function questionOf(options: AuthzCheckOptions): AuthorizationQuestion {
  const { from, to, port, method, path, host, header, ip, sni } = options;
  return {
    to,
    ...(from === undefined ? {} : { from }),
    ...(port === undefined ? {} : { port }),
    ...(method === undefined ? {} : { method }),
    ...(path === undefined ? {} : { path }),
    ...(host === undefined ? {} : { host }),
    ...(header === undefined ? {} : { headers: header }),
    ...(ip === undefined ? {} : { ip }),
    ...(sni === undefined ? {} : { sni }),
  };
}

async function answerTo(
  cli: Cli,
  question: AuthorizationQuestion,
  { filename = [], at, namespace, state }: AuthzCheckOptions,
): Promise<Result<Answer>> {
  const read = await readDocuments(cli, filename);
  if (!read.ok) return read;
  if (filename.length > 0 && at === undefined) {
    const { objects, broken, local } = await manifestsToBe(read.value, cli.cwd);
    const problems = [...broken, ...local].filter(({ severity }) => severity === 'error');
    if (problems.length > 0) return fail(...problems);
    const { checkerOf } = await import('@xebec/control-plane');
    const checker = checkerOf(objects, { defaultNamespace: namespace });
    return checker.refused.length > 0 ? fail(...checker.refused) : checker.check(question);
  }
  const answer = await controlPlaneOf(stateDirectory(cli, state)).post('/v1/authorization/check', {
    question,
    namespace,
    documents: read.value,
    ...(typeof at === 'number' ? { revision: at } : {}),
  });
  return answer.ok ? readAnswer(answer.value) : answer;
}
