// Whatever blocks this process while it waits for another has a deadline: no time limit of a test could fire meanwhile.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));
const folders = ['apps', 'packages', 'scripts', 'tests'];
/** Run by hand, never by a test. */
const exempt = ['packages/protos/scripts/generate.mjs'];

/** The text of a call from its name to the parenthesis that closes it. */
function callAt(text: string, start: number): string {
  let depth = 0;
  for (let at = text.indexOf('(', start); at < text.length; at++) {
    if (text[at] === '(') depth += 1;
    if (text[at] === ')') depth -= 1;
    if (depth === 0) return text.slice(start, at + 1);
  }
  return text.slice(start);
}

const hasDeadline = (call: string, text: string): boolean => {
  if (/timeout:/.test(call)) return true;
  const options = /, (\w+),?\s*\)$/.exec(call)?.[1];
  return options !== undefined && new RegExp(`const ${options}\\b[^=]*= \\{[^}]*timeout:`).test(text);
};

const sources = (): readonly string[] =>
  folders.flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
      .map((name) => `${folder}/${name}`)
      .filter((name) => /\.(ts|mjs)$/.test(name) && !/(^|\/)(node_modules|dist|gen)\//.test(name))
      .filter((name) => !exempt.includes(name)),
  );

test('no time-out is one of several signals only: Node 20 may collect it as garbage, and then it never comes', () => {
  const combined = sources().filter((file) =>
    [...readFileSync(join(root, file), 'utf8').matchAll(/\bAbortSignal\.any\((?!\|)/g)].some(
      ({ index, input }) => callAt(input, index).includes('AbortSignal.timeout('),
    ),
  );
  expect(combined).toEqual([]);
});

test('every synchronous child process has a time limit', () => {
  const files = sources();
  const endless = files.flatMap((file) => {
    const text = readFileSync(join(root, file), 'utf8');
    return [...text.matchAll(/\b(execFileSync|spawnSync|execSync)\((?!\|)/g)]
      .map(({ index }) => callAt(text, index))
      .filter((call) => !hasDeadline(call, text))
      .map((call) => `${file}: ${call.slice(0, 60)}`);
  });
  expect(files.length).toBeGreaterThan(500);
  expect(endless).toEqual([]);
});
