// Runs tests of policies against the documents that each file names. No mesh needs to run.
import { dirname, resolve } from 'node:path';
import { checkerOf, type PolicyCheck } from '@xebec/control-plane';
import { fail, formatDiagnostic, type Result, succeed } from '@xebec/std';
import type { Answer } from '../authz/read-answer.ts';
import type { Cli } from '../cli.ts';
import { manifestsToBe } from '../documents/manifests-to-be.ts';
import { readDocuments } from '../documents/read-documents.ts';
import type { TestSource } from './find-test-files.ts';
import { type PolicyTest, type PolicyTestFile, readTestFile } from './read-test-file.ts';

export interface TestResult {
  readonly file: string;
  readonly test: PolicyTest;
  /** Absent: the question could not be answered; `failure` says why. */
  readonly answer?: Answer;
  /** Absent: as expected. */
  readonly failure?: string;
}

/** Fails when a file of tests, or what it names, cannot be read: nothing is worth anything then. */
export async function runTests(
  cli: Cli,
  sources: readonly TestSource[],
): Promise<Result<readonly TestResult[]>> {
  const results: TestResult[] = [];
  for (const source of sources) {
    const read = readTestFile(source.text, source.file);
    if (!read.ok) return read;
    const checker = await checkerFor(cli, source, read.value);
    if (!checker.ok) return checker;
    for (const test of read.value.tests)
      results.push({ file: source.file, test, ...run(test, checker.value) });
  }
  return succeed(results);
}

async function checkerFor(
  cli: Cli,
  { path }: TestSource,
  { files, namespace }: PolicyTestFile,
): Promise<Result<PolicyCheck>> {
  const folder = dirname(path);
  const names = files.length === 0 ? [folder] : files.map((name) => resolve(folder, name));
  const texts = await readDocuments(cli, names);
  if (!texts.ok) return texts;
  const { objects, broken, local } = await manifestsToBe(texts.value, cli.cwd);
  const problems = [...broken, ...local].filter(({ severity }) => severity === 'error');
  if (problems.length > 0) return fail(...problems);
  const checker = checkerOf(objects, { defaultNamespace: namespace });
  return checker.refused.length > 0 ? fail(...checker.refused) : succeed(checker);
}

function run(test: PolicyTest, checker: PolicyCheck): Pick<TestResult, 'answer' | 'failure'> {
  const answer = checker.check(test.question);
  if (!answer.ok) return { failure: answer.diagnostics.map(formatDiagnostic).join('; ') };
  const failure = differenceOf(test, answer.value);
  return { answer: answer.value, ...(failure === undefined ? {} : { failure }) };
}

function differenceOf({ expect, by }: PolicyTest, answer: Answer): string | undefined {
  if (answer.unknown.length > 0 && expect === answer.decision)
    return `expected ${expect}, but it depends on ${answer.unknown.join(', ')}, which the test does not say`;
  const decider = deciderOf(answer);
  if (expect !== answer.decision)
    return `expected ${expect}, got ${answer.decision}${decider === '' ? '' : ` by ${decider}`}`;
  if (by === undefined || namesFor(answer).has(by)) return undefined;
  return `expected ${expect} by ${by}, got it ${decider === '' ? 'without any policy' : `by ${decider}`}`;
}

const deciderOf = ({ policy, rule }: Answer): string => {
  const [, namespace = '', name = ''] = policy?.split('/') ?? [];
  return policy === null ? '' : `${namespace}/${name}${rule === null ? '' : `[${rule}]`}`;
};

/** Everything that `by` may say for it. */
function namesFor({ policy, rule }: Answer): ReadonlySet<string> {
  const [, namespace = '', name = ''] = policy?.split('/') ?? [];
  const names = policy === null ? [] : [name, `${namespace}/${name}`];
  return new Set([...names, ...names.map((each) => `${each}[${rule}]`)]);
}
