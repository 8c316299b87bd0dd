// May this client do this there? Exit code 0 only for yes, 1 only for no: whatever else happens is 2.
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { AuthorizationQuestion } from '@xebec/control-plane';
import { fail, type Result, succeed } from '@xebec/std';
import type { Cli } from '../cli.ts';
import type { AuthzCheckOptions } from '../commands/authz.ts';
import { type ExitCode, exitCode } from '../exit-code.ts';
import { printDiagnostics, problem } from '../output/diagnostics.ts';
import { printStructured } from '../output/structured.ts';
import { askMesh } from './asked-mesh.ts';
import { printAnswer } from './print-answer.ts';
import { readAnswer } from './read-answer.ts';

export async function authzCheck(cli: Cli, options: AuthzCheckOptions): Promise<ExitCode> {
  const jwt = readJwt(cli, options);
  if (!jwt.ok) {
    printDiagnostics(cli, jwt.diagnostics);
    return exitCode.wrongUsage;
  }
  const question = { ...questionOf(options), ...jwt.value };
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

function readJwt(cli: Cli, { jwt: file }: AuthzCheckOptions): Result<Pick<AuthorizationQuestion, 'jwt'>> {
  if (file === undefined) return succeed({});
  try {
    return succeed({ jwt: readFileSync(resolve(cli.cwd, file), 'utf8').trim() });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return fail(problem('cannot-read', `${file}: ${reason}`, 'name a file with the token and nothing else'));
  }
}
