// The file of results while and after tests run, and the summary that is made of it: nothing told once is lost.
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The results of all tests here; elsewhere when the environment says so. */
export const resultsFile =
  process.env.XEBEC_TEST_RESULTS ||
  resolve(dirname(fileURLToPath(import.meta.url)), '..', '..', 'test-results', 'results.json');

/** Replaces the file as a whole. */
export function writeResults(results, file = resultsFile) {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(
    `${file}.new`,
    `${JSON.stringify({ time: new Date().toISOString(), ...results }, null, 1)}\n`,
  );
  renameSync(`${file}.new`, file);
}

/** What was written last: `unfinished` files have begun or wait, `ended` once there are none any more. */
export function readResults(file = resultsFile) {
  if (existsSync(file)) return JSON.parse(readFileSync(file, 'utf8'));
  return { tests: [], unhandled: ['the tests did not run to their end'], unfinished: [], ended: false };
}

/** The lines at the end, the last of them `N passed, N failed, N skipped`, and the exit code. */
export function summarize({ tests, unhandled, unfinished }, vitestCode) {
  const count = (state) => tests.filter((test) => test.state === state).length;
  const reasons = new Map();
  for (const { state, reason } of tests)
    if (state === 'skipped') reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
  const failures = [
    ...tests.flatMap(({ state, file, title }) => (state === 'failed' ? `${file}: ${title}` : [])),
    ...unhandled,
    ...unfinished.map((file) => `${file}: did not run to its end`),
  ];
  if (vitestCode !== 0 && failures.length === 0) failures.push(`vitest ended with ${vitestCode}`);
  const lines = [
    ...[...reasons].map(([reason, times]) => `skipped ${times}: ${reason}`),
    ...failures.map((failure) => `failed: ${failure}`),
    `${count('passed')} passed, ${failures.length} failed, ${count('skipped')} skipped`,
  ];
  return { lines, code: failures.length > 0 ? 1 : 0 };
}
