// Asks the running policy service about a call. Exit code 0 only when it is allowed, 1 when it is refused, 2 for all else.
import type { Diagnostic } from '@xebec/std';
import { at, objectsOf, textOf } from '../admin/json.ts';
import { askService } from '../admin/policy-service.ts';
import type { Cli } from '../cli.ts';
import type { PolicyCheckOptions } from '../commands/policy-inspect.ts';
import { readJsonFile } from '../documents/read-json.ts';
import { type ExitCode, exitCode } from '../exit-code.ts';
import { printDiagnostics } from '../output/diagnostics.ts';
import { inOneLine } from '../output/printable.ts';
import { printStructured } from '../output/structured.ts';
import { formatTable } from '../output/table.ts';
import { ruleOrigins } from './rule-origins.ts';
import { nameOf } from './rules.ts';

export async function checkCall(
  cli: Cli,
  { attributes, state, output }: PolicyCheckOptions,
): Promise<ExitCode> {
  const said = await readJsonFile(cli, attributes);
  if (!said.ok) return cannotAsk(cli, said.diagnostics);
  const asked = { path: '/check', body: { attributes: said.value } };
  const answer = await askService(cli, { ...asked, ...(state === undefined ? {} : { state }) });
  if (!answer.ok) return cannotAsk(cli, answer.diagnostics);
  const placeOf = await ruleOrigins(cli, state);
  const rules = objectsOf(at(answer.value, 'rules')).map((rule): object => ({
    ...rule,
    origin: placeOf(at(rule, 'rule')),
  }));
  const decision = { ...Object(answer.value), rules };
  if (output === 'json') await printStructured(cli, 'json', decision);
  else cli.stdout.write(decisionText(decision));
  return at(answer.value, 'allowed') === true ? exitCode.done : exitCode.failed;
}

function cannotAsk(cli: Cli, diagnostics: readonly Diagnostic[]): ExitCode {
  printDiagnostics(cli, diagnostics);
  return exitCode.wrongUsage;
}

function decisionText(decision: unknown): string {
  const rules = objectsOf(at(decision, 'rules'));
  const { status } = Object(decision);
  const headline = at(decision, 'allowed') === true ? 'allowed' : `refused: ${statusText(status)}`;
  if (rules.length === 0) return `${headline}\nno rule with a check matches\n`;
  const rows = rules.map((rule) => [
    nameOf(at(rule, 'rule')),
    nameOf(at(rule, 'handler')),
    statusText(at(rule, 'status')),
    textOf(at(rule, 'origin')),
  ]);
  return `${headline}\n\n${formatTable(['RULE', 'HANDLER', 'ANSWER', 'SOURCE'], rows)}`;
}

const statusText = (status: unknown): string => {
  const message = textOf(at(status, 'message'));
  return inOneLine(`${textOf(at(status, 'name'))}${message === '' ? '' : ` ${message}`}`);
};
