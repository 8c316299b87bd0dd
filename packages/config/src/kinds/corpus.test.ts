// Every example of every kind: valid ones are taken, invalid ones are refused at the expected places for the expected reasons.
import { expect, test } from 'vitest';
import { parseObject } from '../object/parse-object.ts';
import { expectations, findings, listExamples } from '../testing/corpus.ts';
import { parseDocuments } from '../yaml/parse-documents.ts';
import { kinds } from './registry.ts';

const folderOf = (kind: string): string => kind.replace(/(?<=[a-z])(?=[A-Z])/g, '-').toLowerCase();

test.each(listExamples('valid'))('$kind/$file is valid', (example) => {
  expect(findings(example).filter((line) => line.includes(' error '))).toEqual([]);
});

test.each(listExamples('valid'))('$kind/$file keeps its meaning as it is printed', ({ text, file }) => {
  for (const raw of parseDocuments(text, file).objects) {
    const first = parseObject(raw, { defaultNamespace: 'default' });
    if (!first.ok) throw new Error('refused');
    expect(first.value).toMatchSnapshot();
  }
});

test.each(listExamples('invalid'))('$kind/$file is refused where it is wrong', (example) => {
  expect(findings(example)).toEqual(expectations(example.text));
});

test('every kind has examples of both sorts', () => {
  for (const sort of ['valid', 'invalid'] as const) {
    const folders = new Set(listExamples(sort).map(({ kind }) => kind));
    expect([...folders].sort()).toEqual(kinds.map(({ kind }) => folderOf(kind)).sort());
  }
});
