// npm run features: each promised row, the tests that hold it, and how they ended last time.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './prepare.mjs';

const results = join(root, 'test-results', 'results.json');
const rowPattern = /^\|\s*([A-Z]{2}-\d+)\s*\|\s*(.*?)\s*\|$/;

const rows = readFileSync(join(root, 'docs', 'features.md'), 'utf8')
  .split('\n')
  .flatMap((line) => {
    const [, id, statement] = rowPattern.exec(line) ?? [];
    return id === undefined ? [] : [{ id, statement }];
  });
const tests = existsSync(results) ? JSON.parse(readFileSync(results, 'utf8')).tests : [];

function verdictOf(held) {
  if (held.length === 0) return tests.length === 0 ? 'not run' : 'no test';
  if (held.some(({ state }) => state === 'failed')) return 'failed';
  return held.some(({ state }) => state === 'passed') ? 'passed' : 'skipped';
}

let isGood = true;
for (const { id, statement } of rows) {
  const held = tests.filter(({ title }) => title.includes(`[${id}]`));
  const verdict = verdictOf(held);
  if (verdict !== 'passed') isGood = false;
  process.stdout.write(`${verdict.padEnd(8)} ${id.padEnd(6)} ${statement}\n`);
  for (const { state, title, file, reason } of held) {
    const why = reason === undefined ? '' : ` (${reason})`;
    process.stdout.write(`           ${state.padEnd(8)} ${file}: ${title}${why}\n`);
  }
}
if (tests.length === 0) process.stdout.write('no results yet: run "npm test" first\n');
process.exit(isGood ? 0 : 1);
