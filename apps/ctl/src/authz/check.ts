// May this client do this there? Exit code 0 only for yes, 1 only for no: whatever else happens is 2.
import type { AuthorizationQuestion } from '@xebec/control-plane';
import type { Cli } from '../cli.ts';
import type { AuthzCheckOptions } from '../commands/authz.ts';
import { type ExitCode, exitCode } from '../exit-code.ts';
import { printDiagnostics } from '../output/diagnostics.ts';
import { printStructured } from '../output/structured.ts';
import { askMesh } from './asked-mesh.ts';
import { printAnswer } from './print-answer.ts';
import { readAnswer } from './read-answer.ts';

export async function authzCheck(cli: Cli, options: AuthzCheckOptions): Promise<ExitCode> {
  const question = questionOf(options);
  const answer = await askMesh(cli, options, {
    here: (checker) => checker.check(question),
    path: '/v1/authorization/check',
    body: { question },
    read: readAnswer,
  });
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
