// Checks documents without a mesh: each by itself, then the references among them.
import type { Cli } from '../cli.ts';
import type { ValidateOptions } from '../commands/validate.ts';
import { readDocuments } from '../documents/read-documents.ts';
import { type ExitCode, exitCode } from '../exit-code.ts';
import { paletteFor } from '../output/colour.ts';
import { printDiagnostics, refuse } from '../output/diagnostics.ts';
import { printStructured } from '../output/structured.ts';
import { plural } from '../output/table.ts';
import { type CheckedDocuments, checkDocuments } from './check-documents.ts';

export async function validate(cli: Cli, options: ValidateOptions): Promise<ExitCode> {
  const read = await readDocuments(cli, options.filename);
  if (!read.ok) return refuse(cli, ...read.diagnostics);
  const checked = await checkDocuments(read.value, {
    cwd: cli.cwd,
    unknownFields: 'error',
    defaultNamespace: options.namespace,
    missing: options.allowMissing === true ? 'warning' : 'error',
  });
  if (options.output !== 'table') {
    const { isValid, objects, diagnostics } = checked;
    await printStructured(cli, options.output, { valid: isValid, objects, diagnostics });
  } else {
    printDiagnostics(cli, checked.diagnostics);
    cli.stdout.write(`${summaryOf(cli, checked, read.value.length)}\n`);
  }
  return checked.isValid ? exitCode.done : exitCode.failed;
}

function summaryOf(cli: Cli, { diagnostics, isValid, objects }: CheckedDocuments, files: number): string {
  const palette = paletteFor(cli, cli.stdout);
  const errors = diagnostics.filter(({ severity }) => severity === 'error').length;
  const warnings = diagnostics.length - errors;
  const checked = `${plural(objects, 'object')} in ${plural(files, 'file')}`;
  const tail = warnings === 0 ? '' : `, ${plural(warnings, 'warning')}`;
  return isValid
    ? `${palette.green('valid')}: ${checked}${tail}`
    : `${palette.red('not valid')}: ${plural(errors, 'error')}${tail} in ${plural(files, 'file')}`;
}
