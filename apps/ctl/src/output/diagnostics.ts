// Diagnostics for people: `file:line:column: error: field: message; remedy`, the same text with and without colour.
import { type Diagnostic, formatOrigin } from '@xebec/std';
import type { Cli } from '../cli.ts';
import { type ExitCode, exitCode } from '../exit-code.ts';
import { type Palette, paletteFor } from './colour.ts';
import { inOneLine } from './printable.ts';

export const problem = (code: string, message: string, remedy?: string): Diagnostic => ({
  severity: 'error',
  code,
  message,
  ...(remedy === undefined ? {} : { remedy }),
});

/** One line of text for one diagnostic. */
export function formatProblem(diagnostic: Diagnostic, palette: Palette): string {
  const { severity, origin, field, message, remedy, code } = diagnostic;
  const place = origin === undefined ? '' : `${palette.bold(inOneLine(formatOrigin(origin)))}: `;
  const paint = severity === 'error' ? palette.red : palette.yellow;
  const path = field === undefined ? '' : `${inOneLine(field)}: `;
  const advice = remedy === undefined ? '' : `; ${inOneLine(remedy)}`;
  return `${place}${paint(`${severity}:`)} ${path}${inOneLine(message)}${advice} ${palette.dim(`[${code}]`)}`;
}

export function printDiagnostics(cli: Cli, diagnostics: readonly Diagnostic[]): void {
  const palette = paletteFor(cli, cli.stderr);
  for (const diagnostic of diagnostics) cli.stderr.write(`${formatProblem(diagnostic, palette)}\n`);
}

/** Prints what went wrong; the exit code to end with. */
export function refuse(cli: Cli, ...diagnostics: readonly Diagnostic[]): ExitCode {
  printDiagnostics(cli, diagnostics);
  return exitCode.failed;
}
