// Every example of every kind: valid ones are taken, invalid ones are refused at the expected places for the expected reasons.
import { expect, test } from 'vitest';
import { toYamlStream } from '../object/manifest.ts';
import { parseObject } from '../object/parse-object.ts';
import { expectations, findings, listExamples } from '../testing/corpus.ts';
import { parseDocuments } from '../yaml/parse-documents.ts';
import { keyOf, kinds } from './registry.ts';

/** Bytes as the text they are. */
function showBytes(value: unknown): unknown {
  if (value instanceof Uint8Array) return new TextDecoder().decode(value);
  if (Array.isArray(value)) return value.map(showBytes);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, showBytes(inner)]));
}

const folderOf = (kind: string): string => kind.replace(/(?<=[a-z])(?=[A-Z])/g, '-').toLowerCase();

test.each(listExamples('valid'))('$kind/$file is valid', (example) => {
  expect(findings(example).filter((line) => line.includes(' error '))).toEqual([]);
});

test.each(listExamples('valid'))('$kind/$file means what its golden says', async ({ text, file, path }) => {
  const specs = parseDocuments(text, file).objects.map((raw) => {
    const result = parseObject(raw, { defaultNamespace: 'default' });
    return result.ok ? { [keyOf(result.value)]: result.value.spec } : result;
  });
  await expect(toYamlStream(specs.map(showBytes))).toMatchFileSnapshot(path.replace('.yaml', '.spec.yaml'));
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
