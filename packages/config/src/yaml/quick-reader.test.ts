// The quick reader never disagrees with the full parser: what it reads, both read alike; the rest it leaves.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseDocument } from 'yaml';
import { listExamples } from '../testing/corpus.ts';
import { convertDocument } from './convert.ts';
import { yamlOptions } from './locate.ts';
import { readQuickly } from './quick-reader.ts';
import { positionAt } from './split.ts';

/** Undefined when the full parser has anything to say. */
function readFully(text: string): { value: unknown; line: number; column: number } | undefined {
  const document = parseDocument(text, yamlOptions);
  if (document.errors.length + document.warnings.length > 0) return undefined;
  const { value, problems } = convertDocument(document, text);
  if (problems.length > 0) return undefined;
  const range = document.contents?.range;
  const isEmpty = value === null && (range === undefined || range === null || range[0] === range[1]);
  return { value: isEmpty ? undefined : value, ...positionAt(text, range?.[0] ?? 0) };
}

function agree(text: string): boolean {
  const quick = readQuickly(text);
  if (quick === undefined) return false;
  const full = readFully(text);
  expect({ text, ...full, value: JSON.stringify(full?.value) }).toEqual({
    text,
    ...(quick.value === undefined ? full : quick),
    value: JSON.stringify(quick.value),
  });
  return true;
}

test('reads ordinary manifests', () => {
  const documents = [...listExamples('valid'), ...listExamples('invalid')].flatMap(({ text }) =>
    text.split(/^(?=---$)/m),
  );
  expect(documents.filter(agree).length).toBeGreaterThan(documents.length * 0.5);
});

describe('random text', () => {
  const scalar = fc.constantFrom(
    ...[
      'a',
      'a b',
      '1',
      '0',
      '-1',
      '01',
      '1.5',
      '1e3',
      '0x1f',
      '.5',
      '-',
      '-a',
      '--x',
      '~',
      'null',
      'Null',
      'true',
    ],
    ...[
      'yes',
      'no',
      '""',
      "''",
      '"a: b"',
      "'it''s'",
      '"\\n"',
      '"a" # c',
      'a # c',
      'a#b',
      'a:b',
      'a: b',
      'a:',
      ':',
    ],
    ...[
      '[]',
      '{}',
      '[a, 1, "x"]',
      '[a b]',
      '[a: b]',
      '{a: 1}',
      '{a: [b]}',
      '{a}',
      '{"a":1}',
      '[,]',
      '[a,]',
      '[[a], {b: c}]',
    ],
    ...[
      '*a',
      '&a x',
      '!t x',
      '|',
      '>',
      '%x',
      '@x',
      '`x',
      '? x',
      '10.0.0.1',
      '1_000',
      '+1',
      '1:30',
      '2026-01-01',
      'é',
    ],
    ...[
      'http://x/y?z=1#f',
      '/a/b',
      './a',
      '../a',
      '$HOME',
      '(a)',
      'a, b',
      'a]',
      'a}',
      '<<',
      '"',
      "'",
      '"a',
      '# c',
      '',
    ],
    ...[
      '9007199254740993',
      '123456789012345',
      '.inf',
      '.nan',
      '-.inf',
      '=',
      '.',
      '..',
      '...',
      '---',
      '- a',
      '*',
      '{ a: 1 }',
    ],
  );
  const key = fc.constantFrom(
    'a',
    'b',
    'c',
    'x-y',
    'app.io/z',
    '80',
    '080',
    '"q"',
    "'s'",
    '<<',
    'true',
    'null',
    'a b',
    '__proto__',
    '-k',
    '1.5',
    '? a',
  );
  const line = fc.oneof(
    { arbitrary: fc.tuple(key, scalar).map(([name, value]) => `${name}: ${value}`), weight: 5 },
    { arbitrary: key.map((name) => `${name}:`), weight: 3 },
    { arbitrary: scalar.map((value) => `- ${value}`), weight: 3 },
    { arbitrary: fc.tuple(key, scalar).map(([name, value]) => `- ${name}: ${value}`), weight: 3 },
    {
      arbitrary: fc.constantFrom(
        '-',
        '',
        '# comment',
        '  ',
        '- - a',
        '---',
        '...',
        '\ta: 1',
        'plain',
        '-  a: 1',
        '- # c',
      ),
      weight: 1,
    },
  );
  const indent = fc.constantFrom(0, 0, 1, 2, 2, 2, 4, 4, 6);
  const document = fc
    .array(fc.tuple(indent, line), { maxLength: 9 })
    .map((lines) => lines.map(([depth, text]) => `${' '.repeat(depth)}${text}`).join('\n'));

  test('is read alike or left alone', () => {
    let read = 0;
    fc.assert(
      fc.property(document, (text) => {
        if (agree(text)) read++;
      }),
      { numRuns: 20_000 },
    );
    expect(read).toBeGreaterThan(300);
  });

  test('that is regular is read alike', () => {
    const name = fc.constantFrom('a', 'b', 'app.io/c', 'd-e', '80', 'f');
    const text = fc.oneof(
      fc.constantFrom('x', '10.0.0.1', 'a b', 'true', '5', '~', 'v1.2', '"q: #"', '[]', '{a: b}', "[x, 'y']"),
      fc.stringMatching(/^[ -~]{0,12}$/).map((s) => JSON.stringify(s)),
    );
    const { tree } = fc.letrec<{ tree: string[]; map: string[]; list: string[] }>((tie) => ({
      tree: fc.oneof({ maxDepth: 4 }, tie('map'), tie('list')),
      map: fc
        .uniqueArray(fc.tuple(name, fc.oneof(text, tie('tree'))), {
          selector: ([key_]) => key_,
          minLength: 1,
          maxLength: 4,
        })
        .map((entries) =>
          entries.flatMap(([key_, value]) =>
            typeof value === 'string'
              ? [`${key_}: ${value}`]
              : [`${key_}:`, ...value.map((each) => `  ${each}`)],
          ),
        ),
      list: fc
        .array(
          fc.oneof(
            text.map((each) => [each]),
            tie('map'),
          ),
          { minLength: 1, maxLength: 3 },
        )
        .map((items) =>
          items.flatMap(([first = '', ...rest]) => [`- ${first}`, ...rest.map((each) => `  ${each}`)]),
        ),
    }));
    let read = 0;
    let all = 0;
    fc.assert(
      fc.property(tree, (lines) => {
        all++;
        if (agree(`${lines.join('\n')}\n`)) read++;
      }),
      { numRuns: 3_000 },
    );
    expect(read).toBeGreaterThan(all * 0.4);
  });
});
