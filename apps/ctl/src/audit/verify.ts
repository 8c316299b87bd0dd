// xebec audit verify: every log by itself, and what the logs say of each other.
import { anchorsIn, type ChainProblem, type Verification, verifyChain } from '@xebec/journal-file';
import type { Cli } from '../cli.ts';
import type { AuditVerifyOptions } from '../commands/audit.ts';
import { type ExitCode, exitCode } from '../exit-code.ts';
import { paletteFor } from '../output/colour.ts';
import { refuse } from '../output/diagnostics.ts';
import { inOneLine } from '../output/printable.ts';
import { printStructured } from '../output/structured.ts';
import { plural } from '../output/table.ts';
import { openLogs } from './open-logs.ts';

export async function auditVerify(
  cli: Cli,
  paths: readonly string[],
  options: AuditVerifyOptions,
): Promise<ExitCode> {
  const logs = openLogs(cli, paths, options.state);
  if (!logs.ok) return refuse(cli, ...logs.diagnostics);
  const anchors = anchorsIn(logs.value);
  const checked = logs.value.map((chain) => verifyChain(chain, anchors));
  const isGood = checked.every(({ problems }) => problems.every(({ severity }) => severity !== 'error'));
  if (options.output === 'json') await printStructured(cli, 'json', { verified: isGood, logs: checked });
  else for (const each of checked) printOne(cli, each);
  return isGood ? exitCode.done : exitCode.failed;
}

function printOne(cli: Cli, { path, records, first, last, problems }: Verification): void {
  const palette = paletteFor(cli, cli.stdout);
  const errors = problems.filter(({ severity }) => severity === 'error');
  const range = first === undefined || last === undefined ? '' : ` (${first} to ${last})`;
  const verdict = errors.length === 0 ? palette.green('verified') : palette.red('NOT as it was written');
  cli.stdout.write(`${path}: ${plural(records, 'record')}${range}: ${verdict}\n`);
  for (const each of problems)
    cli.stdout.write(`  ${inOneLine(placeOf(each))}${inOneLine(each.message)} [${each.code}]\n`);
}

const placeOf = ({ file, line }: ChainProblem): string =>
  file === undefined ? '' : `${file}${line === undefined ? '' : `:${line}`}: `;
