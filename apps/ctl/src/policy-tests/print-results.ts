// Results of tests of policies: a line for each test for people, JSON or JUnit's XML for programs.

import { explanationOf } from '../authz/print-answer.ts';
import type { Cli } from '../cli.ts';
import { paletteFor } from '../output/colour.ts';
import { inOneLine } from '../output/printable.ts';
import { plural } from '../output/table.ts';
import type { PolicyTest } from './read-test-file.ts';
import type { TestResult } from './run-tests.ts';

/** Its name, or what it asks. */
export function titleOf({ name, question }: PolicyTest): string {
  const { from, to, port, method, path } = question;
  const what = [method, path].filter((part) => part !== undefined).join(' ');
  const call = `${from ?? 'nobody'} → ${port === undefined ? to : `${to}:${port}`}${what === '' ? '' : ` ${what}`}`;
  return name === '' ? call : `${name}: ${call}`;
}

export function printResults(cli: Cli, results: readonly TestResult[]): void {
  const palette = paletteFor(cli, cli.stdout);
  let file = '';
  for (const result of results) {
    if (result.file !== file) cli.stdout.write(`${palette.bold(inOneLine(result.file))}\n`);
    file = result.file;
    for (const line of linesOf(result)) {
      const paint = result.failure === undefined ? palette.green : palette.red;
      const word = line.word === '' ? '      ' : paint(line.word.padEnd(6));
      cli.stdout.write(`  ${word}${inOneLine(line.text)}\n`);
    }
  }
  const failed = results.filter(({ failure }) => failure !== undefined).length;
  const passed = plural(results.length - failed, 'test');
  cli.stdout.write(
    failed === 0
      ? `${palette.green(`${passed} passed`)}\n`
      : `${palette.red(`${plural(failed, 'test')} failed`)}, ${passed} passed\n`,
  );
}

interface Line {
  readonly word: string;
  readonly text: string;
}

function linesOf({ file, test, answer, failure }: TestResult): readonly Line[] {
  const title = titleOf(test);
  if (failure === undefined) return [{ word: 'ok', text: title }];
  const why = answer === undefined ? [] : explanationOf(answer);
  return [
    { word: 'FAIL', text: `${title} (${file}:${test.line})` },
    ...[failure, ...why].map((text) => ({ word: '', text })),
  ];
}

export const resultsAsJson = (results: readonly TestResult[]) => ({
  passed: results.filter(({ failure }) => failure === undefined).length,
  failed: results.filter(({ failure }) => failure !== undefined).length,
  tests: results.map(({ file, test, answer, failure }) => ({
    name: titleOf(test),
    origin: `${file}:${test.line}`,
    isPassed: failure === undefined,
    expected: test.expect,
    ...(failure === undefined ? {} : { failure }),
    answer: answer ?? null,
  })),
});

const escaped = (text: string): string =>
  inOneLine(text).replaceAll(/[&<>"']/g, (letter) => `&#${letter.charCodeAt(0)};`);

/** One suite for each file. */
export function resultsAsJunit(results: readonly TestResult[]): string {
  const files = [...new Set(results.map(({ file }) => file))];
  const suites = files.map((file) => {
    const own = results.filter((each) => each.file === file);
    const failures = own.filter(({ failure }) => failure !== undefined).length;
    const cases = own.map(({ test, failure }) => {
      const head = `    <testcase classname="${escaped(file)}" name="${escaped(titleOf(test))}"`;
      if (failure === undefined) return `${head}/>`;
      return `${head}>\n      <failure message="${escaped(failure)}">${escaped(`${file}:${test.line}`)}</failure>\n    </testcase>`;
    });
    const counts = `tests="${own.length}" failures="${failures}"`;
    return `  <testsuite name="${escaped(file)}" ${counts}>\n${cases.join('\n')}\n  </testsuite>`;
  });
  return `<?xml version="1.0" encoding="UTF-8"?>\n<testsuites>\n${suites.join('\n')}\n</testsuites>\n`;
}
