// Every command that the documentation shows is one that there is, with options that it has.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { expect, test } from 'vitest';
import type { Cli } from '../cli.ts';
import { buildProgram } from '../program.ts';

const root = join(import.meta.dirname, '..', '..', '..', '..');
const pagesIn = (folder: string): readonly string[] =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.md'))
    .map((file) => join(folder, file));
const files = ['README.md', ...pagesIn('docs'), ...pagesIn('samples')];

const nowhere = { write: () => true };
// Only what there is is asked; nothing runs.
const program = buildProgram({ stdout: nowhere, stderr: nowhere } as unknown as Cli, () => undefined);

const fence = /^ *```(\w*)\n(.*?)^ *```/gms;

/** Command lines in blocks of text, and in `…` that begins with the command. */
function commandsIn(text: string): readonly string[] {
  const joined = text.replaceAll(/\\\n\s*/g, ' ');
  const blocks = [...joined.matchAll(fence)]
    .filter(([, language = '']) => ['', 'sh', 'bash', 'console', 'text'].includes(language))
    .flatMap(([, , body = '']) => body.split('\n'));
  const inline = [...joined.replaceAll(fence, '').matchAll(/`(?:npx )?(xebec [^`]+)`/g)].map(
    ([, found = '']) => found,
  );
  return [...blocks, ...inline]
    .flatMap((line) => line.replace(/^\s*(\$ )?(npx )?/, '').split(/ (?:&&|\|\||\||;) /))
    .map((line) => line.trim())
    .filter((line) => line.startsWith('xebec '));
}

/** What is wrong with a line; undefined: nothing. */
function problemOf(line: string): string | undefined {
  const words = line
    .replace(/\s{2,}.*$/, '')
    .replace(/ #.*$/, '')
    .split(/\s+/)
    .slice(1);
  let command: Command = program;
  while (words.length > 0) {
    const next = command.commands.find((each) => [each.name(), ...each.aliases()].includes(words[0] ?? ''));
    if (next === undefined) break;
    command = next;
    words.shift();
  }
  const [first = ''] = words;
  const isOpen = command.commands.length > 0;
  // `xebec ca …`, `xebec <command>`, `xebec ca|audit`: about commands, not one of them.
  if (isOpen && first !== '' && /^[a-z-]+$/.test(first)) return `there is no command ${first}`;
  const known = new Set(command.options.flatMap(({ long, short }) => [long, short]));
  const own = ['--help', '-h', ...(command === program ? ['--version', '-V'] : [])];
  for (const word of words) {
    const [option = ''] = /^--?[a-zA-Z][\w-]*/.exec(word) ?? [];
    if (word === '--') break;
    if (option === '' || known.has(option) || own.includes(option)) continue;
    return `"${command.name()}" has no ${option}`;
  }
  return undefined;
}

test.each(files)('%s', (file) => {
  const text = readFileSync(join(root, file), 'utf8');
  const wrong = commandsIn(text).flatMap((line) => {
    const problem = problemOf(line);
    return problem === undefined ? [] : [`${line}: ${problem}`];
  });
  expect(wrong).toEqual([]);
});

test('what is not there is found', () => {
  expect(problemOf('xebec nothing')).toContain('no command');
  expect(problemOf('xebec ca nothing')).toContain('no command');
  expect(problemOf('xebec ca bundle --nothing x')).toContain('--nothing');
  expect(problemOf('xebec ca bundle -o pem   # the roots')).toBeUndefined();
});
