// Tries one expression: what the policy service would make of it. Exit code 0 only for a value, 1 for what is refused or fails, 2 for all else.
import {
  compileExpression,
  type Evaluation,
  type Expression,
  formatReferences,
  formatValue,
  RecordingSource,
  readAttributes,
} from '@xebec/policy';
import type { Diagnostic } from '@xebec/std';
import type { Cli } from '../cli.ts';
import type { PolicyEvalOptions } from '../commands/policy-eval.ts';
import { readDocuments } from '../documents/read-documents.ts';
import { readJsonFile } from '../documents/read-json.ts';
import { type ExitCode, exitCode } from '../exit-code.ts';
import { printDiagnostics, problem } from '../output/diagnostics.ts';
import { printStructured } from '../output/structured.ts';
import { readManifests } from './read-manifest.ts';

/** What is printed with `-o json`. */
type Answer =
  | {
      readonly type: string;
      readonly value: unknown;
      readonly bytes?: string;
      readonly referenced: readonly string[];
    }
  | { readonly error: AnswerError; readonly type?: string; readonly referenced?: readonly string[] };

interface AnswerError {
  /** `compile`: no call could have a value; `eval`: this one has none. */
  readonly kind: 'compile' | 'eval';
  readonly code: string;
  readonly message: string;
  readonly line: number;
  readonly column: number;
}

export async function policyEval(cli: Cli, text: string, options: PolicyEvalOptions): Promise<ExitCode> {
  const manifests = await readDocuments(cli, options.manifest ?? []);
  const vocabulary = manifests.ok ? readManifests(manifests.value) : manifests;
  if (!vocabulary.ok) return wrongUsage(cli, vocabulary.diagnostics);
  const compiled = compileExpression(text, { vocabulary: vocabulary.value, language: options.language });
  if (!compiled.ok) {
    const [diagnostic] = compiled.diagnostics;
    return show(cli, options, { error: compileError(diagnostic) }, diagnostic?.remedy);
  }
  const json = await readJsonFile(cli, options.attributes);
  if (!json.ok) return wrongUsage(cli, json.diagnostics);
  const bag = readAttributes(json.value, vocabulary.value);
  if (!bag.ok) return wrongUsage(cli, bag.diagnostics);
  const source = new RecordingSource(bag.value);
  const outcome = compiled.value.evaluate(source);
  const referenced = formatReferences(source.references());
  return show(cli, options, answerOf(compiled.value, outcome, referenced));
}

function wrongUsage(cli: Cli, diagnostics: readonly Diagnostic[]): ExitCode {
  printDiagnostics(cli, diagnostics);
  return exitCode.wrongUsage;
}

const compileError = (diagnostic: Diagnostic | undefined): AnswerError => ({
  kind: 'compile',
  code: diagnostic?.code ?? '',
  message: diagnostic?.message ?? '',
  line: diagnostic?.origin?.line ?? 1,
  column: diagnostic?.origin?.column ?? 1,
});

function answerOf({ type, text }: Expression, outcome: Evaluation, referenced: readonly string[]): Answer {
  if (outcome.ok) return { type, ...formatValue(outcome.value), referenced };
  const before = text.slice(0, outcome.offset ?? 0).split('\n');
  const column = Buffer.byteLength(before.at(-1) ?? '') + 1;
  const code = outcome.isAbsent === true ? 'attribute-absent' : 'evaluation-failed';
  return {
    error: { kind: 'eval', code, message: outcome.problem, line: before.length, column },
    type,
    referenced,
  };
}

async function show(
  cli: Cli,
  { output }: PolicyEvalOptions,
  answer: Answer,
  remedy?: string,
): Promise<ExitCode> {
  if (output === 'json') await printStructured(cli, 'json', answer);
  else if ('error' in answer) printError(cli, answer.error, remedy);
  else printValue(cli, answer);
  return 'error' in answer ? exitCode.failed : exitCode.done;
}

function printError(
  cli: Cli,
  { code, message, line, column }: AnswerError,
  remedy: string | undefined,
): void {
  const diagnostic = problem(code, message, remedy);
  printDiagnostics(cli, [{ ...diagnostic, origin: { file: 'expression', line, column } }]);
}

function printValue(
  cli: Cli,
  { type, value, referenced }: Exclude<Answer, { readonly error: AnswerError }>,
): void {
  cli.stdout.write(`${type} ${JSON.stringify(value)}\n`);
  if (referenced.length > 0) cli.stdout.write(`depends on ${referenced.join(', ')}\n`);
}
