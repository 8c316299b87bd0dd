// Findings of the running mesh or of documents, as a table or for programs. Exit code 1 when one of them is an error.
import { type Diagnostic, type Result, succeed } from '@xebec/std';
import { controlPlaneOf } from '../admin/control-plane.ts';
import { at, type JsonObject, objectsOf, textOf } from '../admin/json.ts';
import type { Cli } from '../cli.ts';
import type { AnalyzeOptions } from '../commands/analyze.ts';
import { readDocuments } from '../documents/read-documents.ts';
import { type ExitCode, exitCode } from '../exit-code.ts';
import { type Palette, paletteFor } from '../output/colour.ts';
import { printDiagnostics, refuse } from '../output/diagnostics.ts';
import { inOneLine } from '../output/printable.ts';
import { printStructured } from '../output/structured.ts';
import { plural } from '../output/table.ts';
import { stateDirectory } from '../state/state-directory.ts';

/** As `-o json` prints it. */
export type ShownFinding = JsonObject;

export async function analyze(cli: Cli, options: AnalyzeOptions): Promise<ExitCode> {
  const found = await findingsFor(cli, options);
  if (!found.ok) return refuse(cli, ...found.diagnostics);
  const inNamespace = found.value.filter(
    (finding) => options.namespace === undefined || textOf(finding['namespace']) === options.namespace,
  );
  const shown = inNamespace.filter(({ severity }) => isShown(textOf(severity), options.severity));
  if (options.output === 'json') await printStructured(cli, 'json', shown);
  else print(cli, shown, options);
  return inNamespace.some(({ severity }) => severity === 'error') ? exitCode.failed : exitCode.done;
}

const gravities = ['error', 'warning', 'info'];
const isShown = (severity: string, least: string): boolean =>
  gravities.indexOf(severity) <= gravities.indexOf(least);

async function findingsFor(cli: Cli, options: AnalyzeOptions): Promise<Result<readonly ShownFinding[]>> {
  if (options.filename === undefined || options.filename.length === 0) {
    const answer = await controlPlaneOf(stateDirectory(cli, options.state)).get('/v1/analysis');
    return answer.ok ? succeed(objectsOf(at(answer.value, 'items'))) : answer;
  }
  const read = await readDocuments(cli, options.filename);
  if (!read.ok) return read;
  const { findDocuments } = await import('./find-documents.ts');
  const { findings, diagnostics } = await findDocuments(read.value, {
    cwd: cli.cwd,
    defaultNamespace: options.namespace ?? 'default',
  });
  const problems = diagnostics.filter(({ severity }: Diagnostic) => severity === 'error');
  printDiagnostics(cli, problems);
  return succeed(findings.map((finding) => ({ ...finding })));
}

function print(cli: Cli, findings: readonly ShownFinding[], options: AnalyzeOptions): void {
  const palette = paletteFor(cli, cli.stdout);
  for (const finding of findings) cli.stdout.write(`${lineOf(finding, palette)}\n`);
  const count = (severity: string): number =>
    findings.filter((finding) => finding['severity'] === severity).length;
  const where = options.filename === undefined ? 'the mesh' : options.filename.join(', ');
  cli.stdout.write(
    findings.length === 0
      ? `${palette.green('nothing found')} in ${inOneLine(where)}\n`
      : `${plural(count('error'), 'error')}, ${plural(count('warning'), 'warning')}, ${plural(count('info'), 'note')} in ${inOneLine(where)}\n`,
  );
}

/** `error IST0101 VirtualService default/reviews (routes.yaml:12): message; remedy`. */
function lineOf(finding: ShownFinding, palette: Palette): string {
  const word = (name: string): string => inOneLine(textOf(finding[name]));
  const severity = word('severity');
  const paint = { error: palette.red, warning: palette.yellow }[severity] ?? palette.cyan;
  const namespace = word('namespace') === '' ? '' : `${word('namespace')}/`;
  const name =
    word('kind') === '' && word('name') === '' ? '' : `${word('kind')} ${namespace}${word('name')} `;
  const place = word('origin') === '' ? '' : `(${palette.bold(word('origin'))})`;
  const remedy = word('remedy') === '' ? '' : `; ${word('remedy')}`;
  return `${paint(severity)} ${palette.bold(word('code'))} ${name}${place}: ${word('message')}${remedy}`;
}
