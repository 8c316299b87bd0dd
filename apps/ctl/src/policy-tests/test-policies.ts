// xebec test: exit code 0 when all tests pass, 1 when one fails, 2 when they cannot be run.
import type { Cli } from '../cli.ts';
import type { TestOptions } from '../commands/test.ts';
import { type ExitCode, exitCode } from '../exit-code.ts';
import { printDiagnostics } from '../output/diagnostics.ts';
import { printStructured } from '../output/structured.ts';
import { findTestFiles } from './find-test-files.ts';
import { printResults, resultsAsJson, resultsAsJunit } from './print-results.ts';
import { runTests } from './run-tests.ts';

export async function testPolicies(
  cli: Cli,
  names: readonly string[],
  { output }: TestOptions,
): Promise<ExitCode> {
  const found = findTestFiles(cli.cwd, names.length === 0 ? ['.'] : names);
  const results = found.ok ? await runTests(cli, found.value) : found;
  if (!results.ok) {
    printDiagnostics(cli, results.diagnostics);
    return exitCode.wrongUsage;
  }
  if (output === 'table') printResults(cli, results.value);
  else if (output === 'json') await printStructured(cli, 'json', resultsAsJson(results.value));
  else cli.stdout.write(resultsAsJunit(results.value));
  return results.value.some(({ failure }) => failure !== undefined) ? exitCode.failed : exitCode.done;
}
