// xebec audit verify: every log by itself, and what the logs say of each other.
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { anchorsIn, type ChainProblem, type Verification, verifyChain } from '@xebec/journal-file';
import { fail, type Result, succeed } from '@xebec/std';
import type { Cli } from '../cli.ts';
import type { AuditVerifyOptions } from '../commands/audit.ts';
import { type ExitCode, exitCode } from '../exit-code.ts';
import { paletteFor } from '../output/colour.ts';
import { problem, refuse } from '../output/diagnostics.ts';
import { inOneLine } from '../output/printable.ts';
import { printStructured } from '../output/structured.ts';
import { plural } from '../output/table.ts';
import { stateDirectory } from '../state/state-directory.ts';
import { openLogs } from './open-logs.ts';

export async function auditVerify(
  cli: Cli,
  paths: readonly string[],
  options: AuditVerifyOptions,
): Promise<ExitCode> {
  const logs = openLogs(cli, paths, {
    state: options.state,
    keepsFields: ({ kind }) => !callKinds.has(kind),
  });
  if (!logs.ok) return refuse(cli, ...logs.diagnostics);
  const anchors = anchorsIn(logs.value);
  // The mesh may have had other roots when it was signed.
  const ofUnknownSigner = options.roots === undefined ? 'warning' : 'error';
  const rootsPem = readRoots(cli, options);
  if (!rootsPem.ok) return refuse(cli, ...rootsPem.diagnostics);
  const checked = logs.value.map((chain) =>
    verifyChain(chain, { anchors, rootsPem: rootsPem.value, ofUnknownSigner }),
  );
  const isGood = checked.every(({ problems }) => problems.every(({ severity }) => severity !== 'error'));
  if (options.output === 'json') await printStructured(cli, 'json', { verified: isGood, logs: checked });
  else for (const each of checked) printOne(cli, each);
  return isGood ? exitCode.done : exitCode.failed;
}

/** Of what happened only the hashes count; of what chains say of themselves all. */
const callKinds = new Set(['call', 'change', 'certificate']);

/** Those that were named, else those of the mesh where there is one here. */
function readRoots(cli: Cli, { roots, state }: AuditVerifyOptions): Result<readonly string[]> {
  const file =
    roots === undefined ? join(stateDirectory(cli, state), 'ca', 'root-cert.pem') : resolve(cli.cwd, roots);
  if (roots === undefined && !existsSync(file)) return succeed([]);
  try {
    return succeed([readFileSync(file, 'utf8')]);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return fail(problem('no-roots', message, 'name a file of root certificates with --roots'));
  }
}

function printOne(cli: Cli, { path, records, first, last, signed, problems }: Verification): void {
  const palette = paletteFor(cli, cli.stdout);
  const errors = problems.filter(({ severity }) => severity === 'error');
  const range = first === undefined || last === undefined ? '' : ` (${first} to ${last})`;
  const verdict = errors.length === 0 ? palette.green('verified') : palette.red('NOT as it was written');
  const by = signed === undefined ? '' : `, up to ${signed.through} signed by ${inOneLine(signed.signer)}`;
  cli.stdout.write(`${path}: ${plural(records, 'record')}${range}: ${verdict}${by}\n`);
  for (const each of problems)
    cli.stdout.write(`  ${inOneLine(placeOf(each))}${inOneLine(each.message)} [${each.code}]\n`);
}

const placeOf = ({ file, line }: ChainProblem): string =>
  file === undefined ? '' : `${file}${line === undefined ? '' : `:${line}`}: `;
