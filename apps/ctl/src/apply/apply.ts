// Applies documents: sends them with their file names, so that every answer can point at a line.
import type { ControlPlane } from '../admin/control-plane.ts';
import { controlPlaneOf } from '../admin/control-plane.ts';
import type { Cli } from '../cli.ts';
import type { ApplyOptions } from '../commands/apply.ts';
import { printConvergence, type Waited, waitWithProgress } from '../convergence/show-convergence.ts';
import { withoutLocalDocuments } from '../documents/local-documents.ts';
import { readDocuments, type SourceText } from '../documents/read-documents.ts';
import { type ExitCode, exitCode } from '../exit-code.ts';
import { printDiagnostics, refuse } from '../output/diagnostics.ts';
import { printStructured } from '../output/structured.ts';
import { plural } from '../output/table.ts';
import { stateDirectory } from '../state/state-directory.ts';
import { authorOf } from './author.ts';
import { type Applied, printChanges, readApplied } from './changes.ts';
import { printDryRunDiff } from './dry-run-diff.ts';

export async function apply(cli: Cli, options: ApplyOptions): Promise<ExitCode> {
  const read = await readDocuments(cli, options.filename);
  if (!read.ok) return refuse(cli, ...read.diagnostics);
  const controlPlane = controlPlaneOf(stateDirectory(cli, options.state));
  const documents = withoutLocalDocuments(read.value);
  const answer = await controlPlane.post('/v1/apply', {
    documents,
    author: authorOf(cli),
    dryRun: options.dryRun === true,
    namespace: options.namespace,
    ...(options.message === undefined ? {} : { message: options.message }),
  });
  if (!answer.ok) {
    if (options.output === 'json') await printStructured(cli, 'json', { diagnostics: answer.diagnostics });
    return refuse(cli, ...answer.diagnostics);
  }
  const applied = readApplied(answer.value);
  return options.dryRun === true
    ? await showDryRun(cli, { controlPlane, applied, documents, options })
    : await showApplied(cli, { controlPlane, applied, documents, options });
}

interface Outcome {
  readonly controlPlane: ControlPlane;
  readonly applied: Applied;
  readonly documents: readonly SourceText[];
  readonly options: ApplyOptions;
}

async function showDryRun(cli: Cli, outcome: Outcome): Promise<ExitCode> {
  const { applied, options } = outcome;
  if (options.output === 'json') {
    await printStructured(cli, 'json', { ...applied, dryRun: true });
    return exitCode.done;
  }
  printChanges(cli, applied, ' (dry run)');
  printDiagnostics(cli, applied.warnings);
  await printDryRunDiff(cli, outcome);
  return exitCode.done;
}

async function showApplied(cli: Cli, { controlPlane, applied, options }: Outcome): Promise<ExitCode> {
  return await finishChange(cli, { controlPlane, applied, wait: options.wait, output: options.output });
}

export interface FinishedChange {
  readonly controlPlane: ControlPlane;
  readonly applied: Applied;
  readonly wait: number | undefined;
  readonly output: 'table' | 'json';
}

/** Prints what changed and, when asked, waits for the proxies: the same for apply, delete and rollback. */
export async function finishChange(cli: Cli, change: FinishedChange): Promise<ExitCode> {
  const { controlPlane, applied, wait, output } = change;
  if (output === 'table') {
    printChanges(cli, applied);
    printDiagnostics(cli, applied.warnings);
    if (applied.revision !== undefined) {
      const changed = applied.changes.filter(({ change: kind }) => kind !== 'unchanged').length;
      cli.stdout.write(`revision ${applied.revision}: ${plural(changed, 'object')} changed\n`);
    }
  }
  const waited: Waited =
    wait === undefined
      ? { code: exitCode.done, diagnostics: [] }
      : await waitWithProgress(cli, { controlPlane, revision: applied.revision, timeoutMs: wait });
  if (output === 'json') {
    const { convergence, diagnostics } = waited;
    await printStructured(cli, 'json', {
      ...applied,
      ...(convergence === undefined ? {} : { convergence }),
      ...(diagnostics.length === 0 ? {} : { diagnostics }),
    });
    printDiagnostics(cli, diagnostics);
  } else {
    printConvergence(cli, waited);
  }
  return waited.code;
}
